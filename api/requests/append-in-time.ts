// api/requests/append-in-time.ts: appends one record for a client that waits, and retries while the outcome is unknown.
// Copies are harmless: arbitration passes over them. It never takes longer than a client is willing to wait.

import type { Appender, Position, RecordToAppend } from '../../shared/log/log.ts';
import { AppError } from '../../shared/runtime/app-error.ts';

// A caller that hears nothing for longer gives up and tries again, which is worse than an honest "unknown".
const APPEND_MAX_MS = 5_000;

/**
 * Resolves with the position of the first copy that was acknowledged, or null if the outcome is still unknown at the end: the
 * record may be in the log, now or later. Rejects with LOG_OVERLOADED or LOG_UNAVAILABLE if it was certainly never sent.
 */
export const appendOrGiveUp = async (appender: Appender, record: RecordToAppend): Promise<Position | null> => {
  const deadline = performance.now() + APPEND_MAX_MS;
  for (let inDoubt = false; ; inDoubt = true) {
    try {
      const left = deadline - performance.now();
      return left > 0 ? await within(left, appender.append(record)) : null;
    } catch (error) {
      const unknown = error instanceof AppError && error.code === 'APPEND_OUTCOME_UNKNOWN';
      if (!unknown && !inDoubt) throw error;
      if (!unknown) return null;
    }
  }
};

/** Null when it takes longer; what becomes of it then is ignored. */
const within = <T>(limitMs: number, promise: Promise<T>): Promise<T | null> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(null), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
