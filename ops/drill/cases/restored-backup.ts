// ops/drill/cases/restored-backup.ts: the database is put back to a copy of some minutes ago; the log went on.

import type { DrillCase } from '../drill.ts';
import { copyFolder } from '../faults/copy-folder.ts';
import { whileStopped } from '../steps.ts';

const backupOf = (data: string): string => `${data}.backup`;

export const restoredBackup: DrillCase = {
  name: 'restored-backup',
  loss: 'what the database has stored since its backup',
  section: 'a-backup-is-restored',
  prepare: async (stack) => {
    const data = await stack.postgresData();
    await whileStopped(stack, () => copyFolder(data, backupOf(data)));
  },
  fault: async (stack) => {
    const data = await stack.postgresData();
    await whileStopped(stack, () => copyFolder(backupOf(data), data));
  },
  sees: /database of the ledger has lost commits/,
  recover: async () => {},
  lostForGood: null,
};
