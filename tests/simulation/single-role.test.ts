// Goal: what a role promises alone holds whatever stands in the log. Method: the worlds of single roles (docs/simulation.md), the same seeds
// every time. Worlds whose schedules have to show something have tests of their own beside this one.

import { describe, it } from 'vitest';
import { expectClean, SINGLE_ROLE } from './clean.ts';
import { WORLD_NAMES } from './scenarios.ts';

const SEEDS = 80;
// The api is composed again for each seed, which takes as long as ten seeds of another world.
const SEEDS_OF_API = 10;

const names = WORLD_NAMES.filter((name) => SINGLE_ROLE.test(name));

describe('the simulation of single roles', () => {
  it.each(names)('finds nothing wrong in the world %s', (name) => expectClean(name, name.startsWith('api-') ? SEEDS_OF_API : SEEDS));
});
