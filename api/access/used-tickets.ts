// api/access/used-tickets.ts: remembers which tickets of the feed were used, until they have expired.

import { Problem } from '../http/problems.ts';

export interface UsedTickets {
  /** True the first time. Throws OVERLOADED when no more can be remembered: what may have been used is not taken. */
  use: (id: string) => boolean;
}

// In a period and the one before: 36 bytes and as much again for each. A caller who does nothing else uses 6,000 in a ticket's life.
const USED_MAX = 100_000;

/** `periodMs`: longer than a ticket is good for. */
export const createUsedTickets = (periodMs: number, now: () => number): UsedTickets => {
  let current = new Set<string>();
  let previous = new Set<string>();
  let beganAt = now();
  return {
    use: (id) => {
      if (now() - beganAt >= periodMs) [previous, current, beganAt] = [current, new Set(), now()];
      if (current.has(id) || previous.has(id)) return false;
      if (current.size >= USED_MAX) throw new Problem('OVERLOADED', 'Too many tickets of the feed have been used.');
      current.add(id);
      return true;
    },
  };
};
