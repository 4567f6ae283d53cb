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
export const mustRemember = (order: Order, logTime: number): boolean => logTime - order.createdAt <= DUPLICATE_WINDOW_MS;

/**
 * How many closed orders a partition's memory keeps for being recent: ten seconds of some 6,000 orders a second over 12 partitions. A
 * creation time hours ahead would be recent for hours, with every order closed after it in line behind.
 */
export const REMEMBERED_MAX = 5_000;

/** The log time at which this order need not be remembered any more: to go on with where it has to be forgotten. */
export const forgettableFrom = (order: Order): number => lookedUpUntil(order.createdAt);

/** The log time at which whatever was created until then is looked up. */
export const lookedUpUntil = (createdAt: number): number => createdAt + DUPLICATE_WINDOW_MS + 1;

/** For the OrderCreated of an id that memory does not hold: true if a closed order may have had that id, so look it up. */
export const mayBeGhost = (created: OrderCreated, logTime: number): boolean =>
  created.data.id_origin !== 'server' || logTime - created.time > DUPLICATE_WINDOW_MS;
