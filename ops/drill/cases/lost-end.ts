// ops/drill/cases/lost-end.ts: the last records of every partition are lost, as a machine without power may lose them.

import type { DrillCase } from '../drill.ts';
import { cutLog } from '../faults/cut-log.ts';
import { restoreLog, whileStopped } from '../steps.ts';

export const lostEnd: DrillCase = {
  name: 'lost-end',
  loss: 'the last two batches of every partition of orders',
  section: 'the-end-of-the-log-is-lost',
  fault: (stack) => whileStopped(stack, () => cutLog(stack.kafkaData, 'orders', 2)),
  sees: /lies beyond the end of the log/,
  recover: restoreLog,
  lostForGood: null,
};
