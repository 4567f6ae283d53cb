// ops/drill/cases/lost-read-model.ts: the tables of the read model are gone; the log has everything.

import type { DrillCase } from '../drill.ts';
import { dropSchemas } from '../faults/drop-schemas.ts';

export const lostReadModel: DrillCase = {
  name: 'lost-read-model',
  loss: 'the schema read_model: orders, counters and the archive',
  section: 'the-read-model-is-lost',
  fault: (stack) => dropSchemas(stack.addresses().database, ['read_model']),
  sees: /projector.*its tables are gone/,
  recover: async () => {},
  lostForGood: null,
};
