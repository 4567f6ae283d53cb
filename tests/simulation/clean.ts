// tests/simulation/clean.ts: what a test of a world expects of it: nothing wrong, seed by seed.

import { expect } from 'vitest';
import { loadWorld } from './scenarios.ts';

/** The names of worlds that are not of the whole system. */
export const SINGLE_ROLE = /^(processor|projector|ledger|api|append)-/;

export const expectClean = async (name: string, seeds: number): Promise<void> => {
  const world = await loadWorld(name);
  for (let seed = 1; seed <= seeds; seed += 1) {
    const violations = await world(seed);
    expect(violations, `replay with: npm run simulate -- --world ${name} --from ${seed} --seeds 1 --trace`).toEqual([]);
  }
};
