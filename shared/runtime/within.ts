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

/** As `work`, but rejects with `late()` when it takes longer: what becomes of it then is ignored. Cheap enough for every request. */
export const inTime = <T>(limitMs: number, work: Promise<T>, late: () => Error): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), limitMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });

/** Says how much of `limitMs`, which begin now, is left: for waits that follow one another and have one limit together. */
export const countdown = (limitMs: number): (() => number) => {
  const end = performance.now() + limitMs;
  return () => Math.max(end - performance.now(), 0);
};
