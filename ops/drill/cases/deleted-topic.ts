// ops/drill/cases/deleted-topic.ts: the topic of orders is deleted while everything runs.

import { createLogClient } from '../../../shared/log/connect/client.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import type { DrillCase } from '../drill.ts';
import { restoreLog } from '../steps.ts';

export const deletedTopic: DrillCase = {
  name: 'deleted-topic',
  loss: 'the topic of orders, with a tool, while everything runs',
  section: 'the-log-is-lost',
  fault: async (stack) => {
    const client = createLogClient({ brokers: [stack.addresses().kafka], clientId: 'drill', logger: createLogger('drill', 'silent') });
    await client.withAdmin((admin) => admin.deleteTopics({ topics: ['orders'] }));
  },
  sees: /orders does not exist any more/,
  recover: restoreLog,
  lostForGood: null,
};
