// ops/drill/cases/lost-ledger.ts: the tables of the stock ledger are gone; the log has everything.

import type { DrillCase } from '../drill.ts';
import { dropSchemas } from '../faults/drop-schemas.ts';
import { rebuild } from '../steps.ts';

export const lostLedger: DrillCase = {
  name: 'lost-ledger',
  loss: 'the schema ledger: stock, and where processors start',
  section: 'the-ledger-is-lost',
  fault: (stack) => dropSchemas(stack.addresses().database, ['ledger']),
  sees: /stock ledger does not contain the whole log/,
  recover: rebuild,
  lostForGood: null,
};
