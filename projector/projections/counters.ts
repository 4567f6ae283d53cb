// projector/projections/counters.ts: counts orders by status, and the sums from which averages are made, per partition.
// A change adds what the row counts now and takes what it counted before, so the counters can never drift from the rows. Pure.

import type { Order } from '../../shared/order/order.ts';
import { type Counters, zeroCounters } from '../../shared/postgres/tables/counters.ts';
import type { OrderChange } from './orders.ts';

/** What the changes add to the counters of each partition; negative where orders moved on. */
export const countersDelta = (changes: Iterable<OrderChange>): Map<number, Counters> => {
  const partitions = new Map<number, Counters>();
  for (const { before, after } of changes) {
    const delta = partitions.get(after.partition) ?? zeroCounters();
    partitions.set(after.partition, delta);
    if (before !== null) count(delta, before.order, -1);
    count(delta, after.order, 1);
  }
  return partitions;
};

const count = (counters: Counters, order: Order, sign: 1 | -1): void => {
  counters[order.status] += sign;
  if (order.parked !== null) counters.parked += sign;
  if (order.completedAt === null) return;
  counters.revenueMinor += sign * order.totalMinor;
  counters.totalMs += sign * (order.completedAt - order.createdAt);
  if (order.processingStartedAt === null) return;
  counters.processingMs += sign * (order.completedAt - order.processingStartedAt);
  counters.completedProcessing += sign;
};
