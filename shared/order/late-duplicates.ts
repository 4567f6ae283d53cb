// shared/order/late-duplicates.ts: R5. An ambiguous append may put a copy of an OrderCreated into the log long after the order is
// finished. Memory of closed orders is bounded, so these two rules say together, without believing any clock, when memory
// is enough: an order is remembered as long as a copy would look recent, and a copy that looks old is looked up instead.

import type { OrderCreated } from './events.ts';
import type { Order } from './order.ts';

/**
 * Log time is the highest creation time that a reader has seen in a partition; it never goes back. Ten seconds keep a few
 * ten thousand ids in memory at full load, and cover what a retried append takes; the number decides only how often a
 * look-up is needed, never whether the answer is right.
 */
export const DUPLICATE_WINDOW_MS = 10_000;

/** True while a copy of this order's OrderCreated would pass for a new one: keep the order in memory, closed or not. */
const mustRemember = (order: Order, logTime: number): boolean => logTime - order.createdAt <= DUPLICATE_WINDOW_MS;

/**
 * How many closed orders a partition's memory keeps for being recent: ten seconds of some 6,000 orders a second over 12 partitions. A
 * creation time hours ahead would be recent for hours, with every order closed after it in line behind.
 */
export const REMEMBERED_MAX = 5_000;

/** The log time at which whatever was created until then is looked up. */
export const lookedUpUntil = (createdAt: number): number => createdAt + DUPLICATE_WINDOW_MS + 1;

export interface Forgetting<T> {
  /** Of the partition, before. */
  logTime: number;
  orderOf: (closed: T) => Order;
  /** It is needed for something else yet, and with it whatever closed after it. */
  mustStay: (closed: T) => boolean;
}

/**
 * How many of these closed orders, in the order in which they closed, a partition's memory may forget from the front, and the log time to
 * go on with. One may go when a copy would be looked up anyway; when more than REMEMBERED_MAX are kept the first goes all the same, and
 * log time is set past it, so that from now on whatever is as old as it is looked up.
 */
export const forgettable = <T>(closed: readonly T[], { logTime, orderOf, mustStay }: Forgetting<T>): { count: number; logTime: number } => {
  let time = logTime;
  let count = 0;
  for (const candidate of closed) {
    if (mustStay(candidate)) break;
    const order = orderOf(candidate);
    if (mustRemember(order, time)) {
      if (closed.length - count <= REMEMBERED_MAX) break;
      time = lookedUpUntil(order.createdAt);
    }
    count += 1;
  }
  return { count, logTime: time };
};

/** For the OrderCreated of an id that memory does not hold: true if a closed order may have had that id, so look it up. */
export const mayBeDuplicate = (created: OrderCreated, logTime: number): boolean =>
  created.data.id_origin !== 'server' || logTime - created.time > DUPLICATE_WINDOW_MS;
