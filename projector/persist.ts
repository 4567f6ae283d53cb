// projector/persist.ts: repeats a step while what stops it passes by itself: a database that restarts, a broker that is down.
// Waiting costs nothing but time, because nothing leaves the buffer before it is committed.

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../shared/runtime/app-error.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import { createOutage } from '../shared/runtime/outage.ts';

export interface Persistence {
  /**
   * Repeats `work`, with growing pauses, while it rejects with a retryable AppError. CHECKPOINT_MOVED and whatever does not
   * pass by itself reject at once; after the stop everything does.
   */
  persist<T>(work: () => Promise<T>): Promise<T>;
  /** What makes it wait right now; null while all goes well. */
  trouble(): Error | null;
}

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 3_000; // how much longer than the outage the projector's may be

export const createPersistence = (stop: AbortSignal, logger: Logger): Persistence => {
  const troubles = new Set<Error>(); // at most one per call that is under way
  const outage = createOutage(logger, 'projecting');

  const passes = (error: unknown): error is AppError => error instanceof AppError && error.retryable && error.code !== 'CHECKPOINT_MOVED';

  const persist = async <T>(work: () => Promise<T>): Promise<T> => {
    let trouble: Error | null = null;
    try {
      for (let failures = 0; ; failures += 1) {
        try {
          const result = await work();
          if (trouble !== null) troubles.delete(trouble);
          if (troubles.size === 0) outage.over(); // one step that works is not the end of another one's trouble
          return result;
        } catch (error) {
          if (!passes(error) || stop.aborted) throw error;
          outage.failed(error);
          if (trouble !== null) troubles.delete(trouble);
          trouble = error;
          troubles.add(trouble);
          await delay(Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS), undefined, { signal: stop }).catch(() => undefined);
        }
      }
    } finally {
      if (trouble !== null) troubles.delete(trouble);
    }
  };
  return { persist, trouble: () => [...troubles][0] ?? null };
};
