// tests/simulation/planted/bugs/system.ts: bugs that only show when several roles are at work: the simulated worlds of the whole system
// (tests/simulation/worlds.ts) find them. The first four were in the product, and were found so.

import type { Bug } from '../bug.ts';

export const SYSTEM_BUGS: readonly Bug[] = [
  {
    name: 'shown-rows-forgotten',
    rule: 'R7',
    why: 'While the tail is behind the projector, a read shows an older state than the read before it.',
    file: 'api/read-order.ts',
    find: ' && tail.position(partition) >= (shown.get(partition) ?? 0)',
    replace: '',
    world: 'whole-orders',
  },
  {
    name: 'twin-of-forgotten-rows',
    rule: 'R8',
    why: 'After a restore a late copy of a finished order is told as a new order.',
    file: 'api/order-tail.ts',
    find: 'if (found.checkpoint < partition.checkpoint) await reset();',
    replace: '',
    world: 'whole-feed',
    from: 2600,
  },
  {
    name: 'begun-behind-itself',
    rule: 'R8',
    why: 'After a restore the feed leaves out what the tail had not read yet.',
    file: 'api/order-tail.ts',
    find: 'if (before && (before.checkpoint <= checkpoint || before.position <= checkpoint))',
    replace: 'if (before && before.checkpoint < 0)',
    world: 'whole-feed',
  },
  {
    name: 'missing-archive-is-a-fault',
    rule: 'R8',
    why: 'After a restore a repeated submission is answered with 500.',
    file: 'api/order-events.ts',
    find: "throw new AppError('DATABASE_UNAVAILABLE', `The archive does not",
    replace: 'throw new Error(`The archive does not',
    world: 'whole-feed',
  },
  {
    name: 'told-again',
    rule: 'feed',
    why: 'After a restore the feed repeats what it has told.',
    file: 'api/order-tail.ts',
    find: 'if (folded.change !== null && offset >= toldUpTo[number]!)',
    replace: 'if (folded.change !== null)',
    world: 'whole-feed',
  },
  {
    name: 'expected-gone-row',
    rule: 'R8',
    why: 'A restored database that has forgotten an order is believed when it says that there is none.',
    file: 'api/read-order.ts',
    find: 'if (checkpoint >= base) {',
    replace: 'if (checkpoint >= 0) {',
    world: 'whole-feed',
  },
];
