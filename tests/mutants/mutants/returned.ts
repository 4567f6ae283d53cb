// tests/mutants/mutants/returned.ts: mutants in what a process believes of a partition that was taken from it and has come back.

import type { Mutant } from '../mutant.ts';

const world = 'rebalances';

export const RETURNED_MUTANTS: readonly Mutant[] = [
  {
    name: 'commit-counted-for-a-partition-that-came-back',
    rule: 'R8',
    why: 'Rows that another projector has written over since are taken for the present ones.',
    file: 'projector/commit-loop.ts',
    find: 'buffer.epoch(partition) === epochs.get(partition);',
    replace: 'buffer.epoch(partition) !== undefined;',
    world,
    from: 90,
  },
  {
    name: 'start-copied-for-a-partition-that-came-back',
    rule: 'R17',
    why: 'The copy in Kafka says less than the one before it, and a ledger that has lost commits passes for a whole one.',
    file: 'processor/start-commits.ts',
    find: 'if (stamp === null) continue;',
    replace: 'if (stamp === null) copies.set(partition, { ...move, metadata: move.note! });\n      if (stamp === null) continue;',
    world,
    from: 30,
  },
  {
    name: 'taken-away-made-its-own-again',
    rule: 'R8',
    why: 'The answer of a transaction makes a partition its own that was taken away since.',
    file: 'processor/ledger/fences.ts',
    find: 'if (!rows.has(keyOf(topic, partition))) continue;',
    replace: '',
    world: 'ledger-transactions',
  },
  {
    name: 'claim-out-of-turn',
    rule: 'R8',
    why: 'The answer of a transaction takes the place of the claim after it, and the owner believes that it was fenced off.',
    file: 'processor/ledger/postgres-ledger.ts',
    find: 'fences.inTurn(async () => {',
    replace: '(async (work: () => Promise<Claim>) => work())(async () => {',
    world: 'ledger-transactions',
  },
];
