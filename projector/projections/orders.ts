// projector/projections/orders.ts: the rows of table `orders`: each order as the core's fold has it, with its position in the log.
// Pure.

import type { LogRecord } from '../../shared/log/log.ts';
import type { OrderEvent } from '../../shared/order/events.ts';
import { type Effect, evolve } from '../../shared/order/order.ts';
import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';

/** An order before and after a batch. `before` is null for an order that the batch created. */
export interface OrderChange {
  before: StoredOrder | null;
  after: StoredOrder;
}

/** Folds one event into a stored order. `stored` is the very same object, or null, when the row stays as it is. */
export const foldStored = (
  stored: StoredOrder | null,
  event: OrderEvent,
  { partition, offset }: Pick<LogRecord, 'partition' | 'offset'>,
): { stored: StoredOrder | null; effect: Effect } => {
  const before = stored?.order ?? null;
  const { order, effect } = evolve(before, event);
  if (order === null || order === before) return { stored, effect };
  const place =
    stored === null ? { partition, createdOffset: offset } : { partition: stored.partition, createdOffset: stored.createdOffset };
  return { stored: { order, ...place, lastOffset: offset }, effect };
};
