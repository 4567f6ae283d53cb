// tests/simulation/invariants/at-rest.ts: what must hold once everything has come to rest.
// Nothing stuck, one answer for each request, the rows are the fold of the log, the sums are a recount of the rows, the archive is the log.

import type { Order } from '../../../shared/order/order.ts';
import type { Counters } from '../../../shared/postgres/tables/counters.ts';
import { bucketOf } from '../../../shared/postgres/tables/processing-time.ts';
import { isStuck } from '../truth/truth.ts';
import { ORDERS, type World } from '../world.ts';

export const checkOrders = ({ sim, truth, log }: World): void => {
  for (const each of truth.orders.values()) {
    if (isStuck(each)) sim.violate(`${each.order.orderId} is stuck in ${each.order.status} at version ${each.order.version}`);
  }
  for (const [id, { orderId, offset, answers }] of truth.requests) {
    // Refused before its order was given back behind it, and a copy of that after: no fold remembers the first.
    const isBeforeItsOrder = log.mayLose && offset < (truth.orders.get(orderId)?.createdOffset ?? 0);
    if (answers.length !== 1 && !(isBeforeItsOrder && answers.length > 1))
      sim.violate(`the request ${id} about ${orderId} has ${answers.length} answers`);
  }
};

export const checkReadModel = (world: World): void => {
  const { sim, truth, log, readModel } = world;
  const differs = (what: string, actual: unknown, expected: unknown): void => {
    const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (is !== should) sim.violate(`${what} is ${is}, by the log ${should}`);
  };
  for (const { partition, highWatermark } of log.partitions(ORDERS)) {
    differs(`the checkpoint of ${partition}`, readModel.checkpoints.get(partition)?.nextOffset, highWatermark);
    const archive = readModel.archive.get(partition) ?? [];
    const rows = archive.map(({ record: { offset }, effect, orderId }) => [offset, effect, orderId]);
    // Leaves out the offsets at which there is nothing.
    const expected = truth.events[partition]!.flatMap((taken, offset) => [
      [offset, taken?.effect ?? 'undecodable', taken?.event.orderId ?? null],
    ]);
    differs(`the archive of ${partition}`, rows, expected);
  }
  differs('the number of rows', readModel.orders.size, truth.orders.size);
  const [sums, histogram, products] = [new Map<number, Counters>(), new Map<string, number>(), new Set<string>()];
  for (const [id, { order, partition, createdOffset, lastOffset }] of truth.orders) {
    differs(`the row of ${id}`, readModel.orders.get(id), { order, partition, createdOffset, lastOffset });
    const counters = sums.get(partition) ?? noOrders();
    sums.set(partition, counters);
    recount(counters, order);
    if (order.completedAt !== null && order.processingStartedAt !== null) {
      const key = `${partition}/${bucketOf(order.completedAt - order.processingStartedAt)}`;
      histogram.set(key, (histogram.get(key) ?? 0) + 1);
    }
    for (const { product_id: productId } of order.items) products.add(`${productId} ${id}`);
  }
  for (const [partition, counters] of sums) differs(`the counters of ${partition}`, readModel.counters.get(partition), counters);
  differs('the histogram', [...readModel.histogram].sort(), [...histogram].sort());
  differs('the products of orders', [...readModel.products.keys()].sort(), [...products].sort());
};

/** Written out, so that a counter which the product leaves out is missed here. */
const noOrders = (): Counters => ({
  ...{ pending: 0, processing: 0, completed: 0, cancelled: 0, rejected: 0, parked: 0 },
  ...{ revenueMinor: 0, processingMs: 0, totalMs: 0, completedProcessing: 0 },
});

/** Plainly, from the order alone. */
const recount = (counters: Counters, order: Order): void => {
  const { createdAt, processingStartedAt, completedAt } = order;
  counters[order.status] += 1;
  if (order.parked !== null) counters.parked += 1;
  if (completedAt === null) return;
  counters.revenueMinor += order.totalMinor;
  counters.totalMs += completedAt - createdAt;
  if (processingStartedAt === null) return;
  counters.processingMs += completedAt - processingStartedAt;
  counters.completedProcessing += 1;
};
