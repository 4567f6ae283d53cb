// Goal: whatever the network, the broker, the database, clocks and processes do, what the service promises holds. Method: the real roles in
// simulated worlds (docs/simulation.md), the same seeds every time; a failing seed is in the message and replays alone.

import { describe, expect, it } from 'vitest';
import { loadWorld, WORLD_NAMES } from './scenarios.ts';

// Longer runs: npm run simulate.
const SEEDS = 150;
// Several times as many orders, and more seeds in tests of their own (single-role/*.test.ts).
const SEEDS_OF_PROCESSOR = 40;
// The api is composed anew for each seed, which takes as long as ten seeds of another world.
const SEEDS_OF_API = 6;

const seedsOf = (world: string): number => {
  if (world.startsWith('processor-')) return SEEDS_OF_PROCESSOR;
  return world.startsWith('api-') ? SEEDS_OF_API : SEEDS;
};

describe('the simulation', () => {
  it.each(WORLD_NAMES)('finds nothing wrong in the world %s', async (name) => {
    const world = await loadWorld(name);
    for (let seed = 1; seed <= seedsOf(name); seed += 1) {
      const violations = await world(seed);
      expect(violations, `replay with: npm run simulate -- --world ${name} --from ${seed} --seeds 1 --trace`).toEqual([]);
    }
  });
});
