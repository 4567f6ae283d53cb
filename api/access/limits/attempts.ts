// api/access/limits/attempts.ts: limits how often a password may be tried, per address and email, before anything is hashed.
// Counts are in memory: every instance counts for itself.

import { LRUCache } from 'lru-cache';

export interface Attempts {
  /** Counts one. Returns 0 if it may go on, else after how many seconds it may. */
  take: (address: string, email: string) => number;
}

/** Design section 4: guessing takes years; a person who mistypes has enough. */
export const ATTEMPTS_MAX = 5;
export const WINDOW_MS = 60_000;
// Each attempt that counts costs a hash, of which there are fewer than 100 a second: a minute's attempts fit, so no client can push
// a count out of memory by trying other names.
const COUNTED_MAX = 10_000;

export const createAttempts = (now: () => number = () => performance.now()): Attempts => {
  const counted = new LRUCache<string, { count: number; endsAt: number }>({ max: COUNTED_MAX });
  return {
    take: (address, email) => {
      const key = `${address}\0${email}`;
      const known = counted.get(key);
      const window = known !== undefined && known.endsAt > now() ? known : { count: 0, endsAt: now() + WINDOW_MS };
      if (window.count >= ATTEMPTS_MAX) return Math.ceil((window.endsAt - now()) / 1000);
      window.count += 1;
      counted.set(key, window);
      return 0;
    },
  };
};
