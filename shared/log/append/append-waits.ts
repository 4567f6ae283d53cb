// shared/log/append/append-waits.ts: ends the waits of appends that no round could take in time, and says when no append is left.

import type { AppendQueue } from './append-queue.ts';

const APPEND_WAIT_MAX_MS = 10_000; // longer than a leader election or a broker's restart usually takes

export interface AppendWaits {
  /** A record was queued, or put back. */
  begin(): void;
  /** A round is over. */
  end(): void;
  isSettled(): boolean;
  /** Resolves once nothing is queued or under way. */
  settled(): Promise<void>;
  stop(): void;
}

export const createAppendWaits = (queue: AppendQueue, inFlight: () => number): AppendWaits => {
  const settledWaiters: (() => void)[] = [];
  let timer: NodeJS.Timeout | null = null; // one for all records, set for the oldest

  const isSettled = (): boolean => queue.isEmpty() && inFlight() === 0;

  const end = (): void => {
    if (isSettled()) for (const wake of settledWaiters.splice(0)) wake();
  };

  const begin = (): void => {
    if (timer !== null) return;
    const oldest = queue.oldest();
    if (oldest === null) return;
    timer = setTimeout(expire, Math.max(oldest + APPEND_WAIT_MAX_MS - performance.now(), 1)).unref();
  };

  const expire = (): void => {
    timer = null;
    queue.rejectUntil(performance.now() - APPEND_WAIT_MAX_MS, `Nothing could be appended for ${APPEND_WAIT_MAX_MS / 1000} s.`);
    end();
    begin();
  };

  return {
    begin,
    end,
    isSettled,
    settled: () => (isSettled() ? Promise.resolve() : new Promise((resolve) => settledWaiters.push(resolve))),
    stop: () => {
      if (timer !== null) clearTimeout(timer);
    },
  };
};
