// Goal: whatever the network, the broker, the database, clocks and processes do, what the service promises holds. Method: the real roles in
// simulated worlds (docs/simulation.md), the same seeds every time; a failing seed is in the message and replays alone.

import { describe, it } from 'vitest';
import { expectClean, SINGLE_ROLE } from './clean.ts';
import { WORLD_NAMES } from './scenarios.ts';

// Longer runs: npm run simulate.
const SEEDS = 300;
// Three worlds of one scenario, in which readers ask again and again whether there is more: half as long again as another world.
const SEEDS_OF_LOST_LOGS = 30;

const seedsOf = (name: string): number => (name.startsWith('log-') ? SEEDS_OF_LOST_LOGS : SEEDS);
const names = WORLD_NAMES.filter((name) => !SINGLE_ROLE.test(name));

describe('the simulation', () => {
  it.each(names)('finds nothing wrong in the world %s', (name) => expectClean(name, seedsOf(name)));
});
