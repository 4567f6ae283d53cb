// Goal: an order that stays open for long does not hold the start offset back, and nothing about it is lost by that (R12). Method: processors
// alone in a simulated world in which orders outlive many owners (long-lives.ts); here it is made sure that its schedules show something.

import { describe, expect, it } from 'vitest';
import type { World } from '../world.ts';
import { longLives } from './long-lives.ts';

const LATE_MS = 15_000;

describe('orders that outlive their owners', () => {
  it('are taken over as the log has them, from near its end, and completed', async () => {
    let late = 0;
    const look = ({ takeOvers }: World): void => {
      for (const { at, startOffset, end } of takeOvers) if (at > LATE_MS && startOffset > end / 2) late += 1;
    };
    for (let seed = 1; seed <= 40; seed += 1)
      expect({ seed, violations: await longLives(seed, undefined, look) }).toEqual({ seed, violations: [] });
    expect(late).toBeGreaterThan(40); // take-overs that began far behind the creation of the slow orders
  });
});
