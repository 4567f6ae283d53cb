// shared/log/read/fetch-loop.ts: keeps fetching what is in demand from the brokers that lead it, over connections of its own.
// Never knows groups or positions: before every fetch it asks what is wanted, and the caller judges what came.

import { setTimeout as delay } from 'node:timers/promises';
import type { LogClient } from '../connect/client.ts';
import { createLogOutage } from '../connect/log-outage.ts';
import { createPositionGuard } from '../identity/position-guard.ts';
import type { Fetched, FetchLimits } from '../protocol/fetch.ts';
import { createRecordDecoder } from '../protocol/record-decoder.ts';
import { createFetchSession, type FetchSession, isFinal } from './fetch-session.ts';

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000; // so that reading resumes within about a second of a broker's return

export interface FetchLoopOptions {
  client: LogClient;
  topic: string;
  /** Asked before every fetch. What comes into demand while one waits is fetched after it, at most `maxWaitMs` later. */
  limits: () => FetchLimits;
  /**
   * At least this long between the starts of two fetches that bring records; 0 is none. What was fetched is delivered at once, and
   * a record that comes after an idle spell too, since the broker answers a waiting fetch. Trades latency when busy for fewer requests.
   */
  minGapMs: number;
  /** What to fetch next, partition → offset. Partitions that are left out cost nothing. */
  demand: () => ReadonlyMap<number, number>;
  /**
   * One partition's result: error code 0 or OFFSET_OUT_OF_RANGE. May be outdated: compare `fromOffset` with what is wanted now. After every
   * new connection only what follows the record that was read last (R17).
   */
  deliver: (fetched: Fetched) => void;
  /** After every fetch that succeeded, empty ones included. */
  onFetched?: () => void;
  /** A session failed; another one follows. */
  onFailed?: (error: unknown) => void;
  /** Something came that can never be read, or from another log: LOG_MISMATCH. The loop ends. */
  onFatal: (error: Error) => void;
}

export interface FetchLoop {
  start(): void;
  stop(): void;
  /** Demand has grown: do not sleep on. */
  wake(): void;
}

export const createFetchLoop = (options: FetchLoopOptions): FetchLoop => {
  const { client, topic, limits, minGapMs, demand, deliver, onFetched, onFailed, onFatal } = options;
  const stopping = new AbortController();
  const decodeRecords = createRecordDecoder(topic);
  const guard = createPositionGuard(topic);
  let failures = 0;
  let turn = 0;
  const outage = createLogOutage(client.logger, `reading the topic ${topic}`);
  let session: FetchSession | null = null;

  const pause = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  const openSession = (): FetchSession =>
    createFetchSession({
      link: client.openLink(),
      topic,
      decodeRecords,
      limits,
      minGapMs,
      demand: (isMine) =>
        guard.ask(
          rotate(
            [...demand()].filter(([partition]) => isMine(partition)),
            turn++,
          ),
        ),
      onTopicId: guard.topicIs,
      deliver: (fetched) => {
        const taken = guard.take(fetched);
        if (taken !== null) deliver(taken);
      },
      onFetched: () => {
        failures = 0;
        outage.over();
        onFetched?.();
      },
      pause,
    });

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        guard.newSession();
        session = openSession();
        await session.run();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (isFinal(error)) return onFatal(error as Error);
        outage.failed(error);
        onFailed?.(error);
        await pause(Math.min(RETRY_MIN_MS * 2 ** failures++, RETRY_MAX_MS));
      }
    }
  };

  return {
    start: () => void run(),
    stop: () => {
      stopping.abort();
      session?.cut();
    },
    wake: () => session?.wake(),
  };
};

// A broker fills a response in the order of the request until it is full: taking turns, no partition starves the others.
const rotate = (entries: [number, number][], turn: number): Map<number, number> => {
  const first = entries.length === 0 ? 0 : turn % entries.length;
  return new Map([...entries.slice(first), ...entries.slice(0, first)]);
};
