// ops/drill/cases/deleted-topic.ts: the topic of orders is deleted while everything runs.

import type { DrillCase } from '../drill.ts';
import { withAdmin } from '../faults/with-admin.ts';
import { restoreLog } from '../steps.ts';

export const deletedTopic: DrillCase = {
  name: 'deleted-topic',
  loss: 'the topic of orders, with a tool, while everything runs',
  section: 'the-log-is-lost',
  fault: (stack) => withAdmin(stack.addresses().kafka, (admin) => admin.deleteTopics({ topics: ['orders'] })),
  sees: /orders does not exist any more/,
  recover: restoreLog,
  lostForGood: null,
};
