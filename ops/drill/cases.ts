// ops/drill/cases.ts: the losses that can be drilled, one for each section of docs/recovery.md.

import { lostDatabase } from './cases/lost-database.ts';
import { lostLedger } from './cases/lost-ledger.ts';
import { lostReadModel } from './cases/lost-read-model.ts';
import type { DrillCase } from './drill.ts';

export const DRILL_CASES: readonly DrillCase[] = [lostLedger, lostReadModel, lostDatabase];
