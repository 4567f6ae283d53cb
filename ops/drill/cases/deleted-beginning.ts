// ops/drill/cases/deleted-beginning.ts: the oldest half of every partition is deleted, as a retention that was shortened does.

import type { DrillCase } from '../drill.ts';
import { withAdmin } from '../faults/with-admin.ts';
import { orders, rebuild, withoutRoles } from '../steps.ts';

export const deletedBeginning: DrillCase = {
  name: 'deleted-beginning',
  loss: 'the oldest half of every partition of orders, as by a shortened retention',
  section: 'the-beginning-of-the-log-is-lost',
  fault: (stack) =>
    withAdmin(stack.addresses().kafka, async (admin) => {
      const ends = await admin.fetchTopicOffsets('orders');
      const partitions = ends.map(({ partition, high }) => ({ partition, offset: String(Math.floor(Number(high) / 2)) }));
      await admin.deleteTopicRecords({ topic: 'orders', partitions });
    }),
  sees: /records were deleted from its beginning/,
  recover: (stack) =>
    withoutRoles(stack, async () => {
      await stack.orders(['restore-log']); // refuses, and says that the archive has the rest
      await withAdmin(stack.addresses().kafka, (admin) => admin.deleteTopics({ topics: ['orders'] }));
      await orders(stack, 'restore-log');
      await rebuild(stack);
    }),
  lostForGood: null,
};
