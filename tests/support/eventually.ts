// tests/support/eventually.ts: waiting for a condition instead of for a time.

import { setTimeout as delay } from 'node:timers/promises';
import { patience } from './machine.ts';

export interface EventuallyOptions {
  /** What is waited for, in the words of the failure: "order 7 completed". */
  what: string;
  /** On a quiet machine; a slow one has longer (machine.ts). */
  timeoutMs?: number;
}

// Short enough that a test seldom waits in vain, long enough that polling costs nothing on a shared machine.
const POLL_INTERVAL_MS = 50;
const DEFAULT_TIMEOUT_MS = 20_000;
const PENDING = Symbol('no answer');

/**
 * Asks `check` until it answers neither undefined, null nor false, and resolves with that answer. A check that throws
 * counts as "not yet". Past the limit it rejects (even while a check hangs), saying what was waited for and what the last
 * attempt threw or answered.
 */
export const eventually = async <T>(
  check: () => T | Promise<T>,
  options: EventuallyOptions,
): Promise<Exclude<T, undefined | null | false>> => {
  const timeoutMs = patience(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const deadline = Date.now() + timeoutMs;
  let last: unknown = PENDING;
  for (;;) {
    const limit = new AbortController();
    try {
      const pending = delay(Math.max(deadline - Date.now(), 1), PENDING, { signal: limit.signal }).catch(() => PENDING);
      last = await Promise.race([check(), pending]);
    } catch (error) {
      last = error;
    } finally {
      limit.abort();
    }
    const answered = last !== undefined && last !== null && last !== false && last !== PENDING && !(last instanceof Error);
    if (answered) return last as Exclude<T, undefined | null | false>;
    if (Date.now() >= deadline) throw new Error(`waited ${timeoutMs} ms for ${options.what}; ${describe(last)}`, { cause: last });
    await delay(POLL_INTERVAL_MS);
  }
};

const describe = (last: unknown): string => {
  if (last === PENDING) return 'the last attempt did not answer';
  return last instanceof Error ? `the last attempt failed: ${last.message}` : `the last answer was ${String(last)}`;
};
