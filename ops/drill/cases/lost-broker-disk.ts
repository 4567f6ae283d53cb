// ops/drill/cases/lost-broker-disk.ts: the only broker's disk is lost; the archive has what was stored of the orders.

import { rm } from 'node:fs/promises';
import type { DrillCase } from '../drill.ts';
import { restoreLogWithoutProducts, whileStopped } from '../steps.ts';

export const lostBrokerDisk: DrillCase = {
  name: 'lost-broker-disk',
  loss: 'the disk of the only broker: every topic, and where every group stands',
  section: 'the-log-is-lost',
  fault: (stack) => whileStopped(stack, () => rm(stack.kafkaData, { recursive: true })),
  sees: /belongs to another log/,
  recover: restoreLogWithoutProducts,
  lostForGood: null,
};
