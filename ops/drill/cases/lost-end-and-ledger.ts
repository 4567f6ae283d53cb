// ops/drill/cases/lost-end-and-ledger.ts: two at once: the end of the log, and the ledger that knew more than the log does now.

import type { DrillCase } from '../drill.ts';
import { cutLog } from '../faults/cut-log.ts';
import { dropSchemas } from '../faults/drop-schemas.ts';
import { restoreLog, whileStopped } from '../steps.ts';

export const lostEndAndLedger: DrillCase = {
  name: 'lost-end-and-ledger',
  loss: 'two at once: the end of the log, and the schema ledger',
  section: 'two-at-once',
  fault: async (stack) => {
    await dropSchemas(stack.addresses().database, ['ledger']);
    await whileStopped(stack, () => cutLog(stack.kafkaData, 'orders', 2));
  },
  sees: /lies beyond the end of the log/,
  recover: restoreLog,
  lostForGood: null,
};
