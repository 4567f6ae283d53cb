// tests/mutants/mutants/carried.ts: orders that stay open for long (R12).

import type { Mutant } from '../mutant.ts';

const FILE = 'processor/orders/carried-orders.ts';

export const CARRIED_MUTANTS: readonly Mutant[] = [
  {
    name: 'start-past-without-fold',
    rule: 'R12',
    why: 'The next owner starts behind a parked order and never hears of it.',
    file: FILE,
    find: 'store, drop };',
    replace: 'store: [], drop };',
    world: 'processor-carried',
  },
  {
    name: 'carried-fold-stored-once',
    rule: 'R12',
    why: 'The next owner takes a processing order for a pending one, and its facts are void for ever.',
    file: FILE,
    find: 'carried?.stored?.order === order && carried.maybeAsOf === null',
    replace: 'carried?.stored != null && carried.maybeAsOf === null',
    world: 'processor-carried',
  },
  {
    name: 'carried-row-outlives-its-order',
    rule: 'R12',
    why: 'The next owner finds a finished order open, and goes on with it.',
    file: FILE,
    find: 'closedAt < offset ? [orderId] : []',
    replace: 'closedAt < 0 ? [orderId] : []',
    world: 'processor-carried',
  },
  {
    name: 'carried-fold-read-over-again',
    rule: 'R12',
    why: 'A fact that was void at its place in the log applies to the later fold: the next owner sees another order than everybody else.',
    file: 'processor/orders/partition.ts',
    find: 'offset < known.foldedUpTo',
    replace: 'offset < 0',
    world: 'processor-carried',
    seeds: 250,
  },
];
