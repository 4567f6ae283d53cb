// tests/mutants/mutants/step-back.ts: mutants in what notices that a database was put back, by as little as one transaction.

import type { Mutant } from '../mutant.ts';

export const STEP_BACK_MUTANTS: readonly Mutant[] = [
  {
    name: 'reset-keeps-the-higher-checkpoint',
    rule: 'R8',
    why: 'After a restore the api reads on from where it stood, over rows that do not have what lies before.',
    file: 'api/reads/seed-tail.ts',
    find: 'return createTailPartition(partition, checkpoint, logTime, byPartition.get(partition) ?? []);',
    replace:
      'return createTailPartition(partition, Math.max(before?.checkpoint ?? 0, checkpoint), logTime, byPartition.get(partition) ?? []);',
    world: 'step-back',
  },
  {
    name: 'projector-keeps-the-higher-checkpoint',
    rule: 'R8',
    why: 'After a restore the projector goes on where it stood, and every commit is refused by the fence for ever.',
    file: 'projector/follow-checkpoints.ts',
    find: 'options.begin(partition, nextOffset);\n      options.seek(partition, nextOffset);',
    replace: 'options.begin(partition, position);\n      options.seek(partition, Math.max(position, nextOffset));',
    world: 'step-back',
  },
  {
    name: 'half-a-gap-check',
    rule: 'R8',
    why: 'The projector follows a checkpoint that another has moved on, and not one that a restore has put back while it has nothing to do.',
    file: 'projector/follow-checkpoints.ts',
    find: 'fenced || buffer.position(partition) !== nextOffset)',
    replace: 'fenced || buffer.position(partition)! < nextOffset)',
    world: 'step-back',
    from: 15,
  },
  {
    name: 'archive-behind-the-base-believed',
    rule: 'R8',
    why: 'After a restore a history is told without what memory has forgotten, and a command is answered with the order as it was before.',
    file: 'api/reads/order-history.ts',
    find: 'if (checkpoint >= base) return events;',
    replace: 'if (checkpoint >= 0) return events;',
    world: 'step-back',
    from: 1740,
  },
  {
    name: 'idle-owner-never-looks',
    rule: 'R17',
    why: 'The last events of an idle partition of products are lost from the ledger; orders of that product wait until somebody claims a partition.',
    file: 'processor/start-commits.ts',
    find: 'if (since >= REPEAT_MS || since < 0)',
    replace: 'if (since < 0)',
    world: 'step-back',
    from: 200,
  },
  {
    name: 'ledger-behind-by-one-unnoticed',
    rule: 'R17',
    why: 'An owner whose last commit is lost takes the ledger without it for one that another owner has moved on, and ends; nobody makes it again.',
    file: 'processor/ledger/went-back.ts',
    find: 'row.sequence < known.sequence);',
    replace: 'row.sequence < known.sequence - 1);',
    world: 'ledger-transactions',
  },
];
