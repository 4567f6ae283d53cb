// processor/ledger/rebuild/reading.ts: reads the log into a refold, up to where it ends now, and on from there.

import type { LogClient } from '../../../shared/log/connect/client.ts';
import { type Bounds, boundsOf, distance, type Ends, type LedgerTopics, readLog } from './read-log.ts';
import { createRefold, type Refold } from './refold.ts';

export interface Reading {
  refold: Refold;
  /** Up to where it has read. */
  reached: () => Ends;
  events: () => number;
  /** Reads until little is missing. */
  catchUp: () => Promise<void>;
  /** Reads what is in the log now. */
  toEnd: () => Promise<void>;
}

// What may still be missing when processors are locked out: well below a second of reading.
const LOCK_WITHIN_EVENTS = 5_000;
const CATCH_UP_PASSES_MAX = 20;

export const createReading = (
  client: LogClient,
  topics: LedgerTopics,
  onProgress: (progress: { done: number; total: number }) => void,
): Reading => {
  const refold = createRefold();
  const progress = { done: 0, total: 0 };
  let reached: Ends | null = null;
  const onEvents = (count: number): void => {
    progress.done += count;
    onProgress({ ...progress });
  };
  const readTo = async ({ from, to }: Bounds): Promise<void> => {
    const start = reached ?? from;
    progress.total = progress.done + distance(start, to);
    await readLog({ client, topics, from: start, to, refold, onEvents });
    reached = to;
  };
  return {
    refold,
    reached: () => reached!,
    events: () => progress.done,
    catchUp: async () => {
      for (let pass = 1; pass < CATCH_UP_PASSES_MAX; pass += 1) {
        const bounds = await boundsOf(client, topics);
        if (reached !== null && distance(reached, bounds.to) <= LOCK_WITHIN_EVENTS) return;
        await readTo(bounds);
      }
    },
    toEnd: async () => readTo(await boundsOf(client, topics)),
  };
};
