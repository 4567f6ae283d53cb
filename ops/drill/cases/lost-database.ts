// ops/drill/cases/lost-database.ts: the disk of the database is lost; the log has everything but the accounts.

import { rm } from 'node:fs/promises';
import type { DrillCase } from '../drill.ts';
import { rebuild, whileStopped } from '../steps.ts';

export const lostDatabase: DrillCase = {
  name: 'lost-database',
  loss: 'the disk of the database: read model, ledger and accounts',
  section: 'the-database-is-lost',
  fault: (stack) => whileStopped(stack, async () => rm(await stack.postgresData(), { recursive: true })),
  sees: /stock ledger does not contain the whole log/,
  recover: rebuild,
  lostForGood: null,
};
