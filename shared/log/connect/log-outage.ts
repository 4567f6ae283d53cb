// shared/log/connect/log-outage.ts: says when something that needs Kafka begins to fail and when it works again.

import { createOutage, type Outage, type OutageLogger } from '../../runtime/outage.ts';
import { CLOSED_BY_US } from './sockets.ts';

// These come with every first start or rebalance and mean nothing.
const HARMLESS = [
  'group coordinator is not available',
  'coordinator is loading',
  'does not host this topic-partition',
  'Restarting the consumer',
  'Topic creation errors',
  'not the leader',
  'no leader for this topic-partition',
  'rebalancing',
  'aware of this member',
  CLOSED_BY_US,
];

/** An outage of something that needs Kafka: a warning, unless it comes with every first start or rebalance. */
export const createLogOutage = (logger: OutageLogger, doing: string): Outage =>
  createOutage(logger, doing, { isUsual: (reason) => HARMLESS.some((part) => reason.includes(part)) });
