// shared/runtime/within.ts: waiting for something, but not for ever.

import { setTimeout as delay } from 'node:timers/promises';

/** Whether `work` resolved in time; it goes on if not. Rejects as it does, if it does so in time. */
export const within = async (limitMs: number, work: Promise<unknown>): Promise<boolean> => {
  const done = new AbortController();
  try {
    const late = delay(limitMs, false, { signal: done.signal });
    late.catch(() => undefined); // cancelled
    return await Promise.race([work.then(() => true), late]);
  } finally {
    done.abort();
  }
};
