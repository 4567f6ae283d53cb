// ops/drill/cases.ts: the losses that can be drilled, one for each section of docs/recovery.md.

import { deletedBeginning } from './cases/deleted-beginning.ts';
import { deletedTopic } from './cases/deleted-topic.ts';
import { lostAccounts } from './cases/lost-accounts.ts';
import { lostBrokerDisk } from './cases/lost-broker-disk.ts';
import { lostDatabase } from './cases/lost-database.ts';
import { lostEnd } from './cases/lost-end.ts';
import { lostEndAndLedger } from './cases/lost-end-and-ledger.ts';
import { lostEnv } from './cases/lost-env.ts';
import { lostLedger } from './cases/lost-ledger.ts';
import { lostReadModel } from './cases/lost-read-model.ts';
import { promotedStandby } from './cases/promoted-standby.ts';
import { restoredBackup } from './cases/restored-backup.ts';
import type { DrillCase } from './drill.ts';

export const DRILL_CASES: readonly DrillCase[] = [
  lostBrokerDisk,
  deletedTopic,
  lostEnd,
  deletedBeginning,
  lostLedger,
  lostReadModel,
  lostDatabase,
  restoredBackup,
  promotedStandby(),
  lostEndAndLedger,
  lostAccounts,
  lostEnv,
];
