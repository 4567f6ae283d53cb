// api/reads/tail-memory.ts: what the tail holds of one partition: open orders, recently closed ones, and events that are not stored yet.
// Pure: no I/O, no clock.

import type { OrderEvent } from '../../shared/order/events.ts';
import { forgettable, mayBeDuplicate } from '../../shared/order/late-duplicates.ts';
import { isTerminal, type OrderStatus } from '../../shared/order/lifecycle.ts';
import { type Effect, evolve, type Order } from '../../shared/order/order.ts';
import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';

/** An event of the log with its verdict. */
export interface LoggedEvent {
  event: OrderEvent;
  effect: Effect;
  partition: number;
  offset: number;
  /** A refusal about an order that memory did not hold: whether its request had an answer already, the order's row says. */
  isOrphan?: boolean;
}

/** The first effective record that names a request: an applied fact or a refusal (R2). */
export interface OrderAnswer {
  event: OrderEvent;
  /** As the answer left it; null if the log has no such order. */
  order: Order | null;
  place: { partition: number; offset: number };
}

/** What one record did. */
export interface Folded {
  effect: Effect;
  /** Set for an applied fact. */
  change: Change | null;
}

/** An applied fact: what the feed tells. */
export interface Change {
  order: Order;
  event: OrderEvent;
  /** Null when the fact created the order. */
  previousStatus: OrderStatus | null;
  offset: number;
}

export interface TailPartition {
  readonly partition: number;
  /** The next offset to fold. */
  position: number;
  /** PostgreSQL holds everything below this; memory may have forgotten it. The base that a read notes (R7). */
  checkpoint: number;
  /** Highest creation time folded (R5). Never goes back. */
  logTime: number;
  readonly orders: Map<string, StoredOrder>;
  openCount: number;
  /** Closed orders in closing order: they wait here to be forgotten. */
  readonly closed: StoredOrder[];
  /** Events at or above the checkpoint, in log order, and the same by order. */
  readonly unstored: LoggedEvent[];
  readonly unstoredByOrder: Map<string, LoggedEvent[]>;
}

/** `open`: the orders of this partition that are open at the checkpoint. */
export const createTailPartition = (
  partition: number,
  checkpoint: number,
  logTime: number,
  open: readonly StoredOrder[],
): TailPartition => ({
  partition,
  position: checkpoint,
  checkpoint,
  logTime,
  orders: new Map(open.map((stored) => [stored.order.orderId, stored])),
  openCount: open.length,
  closed: [],
  unstored: [],
  unstoredByOrder: new Map(),
});

/**
 * The order ids of those OrderCreated among these that may be late duplicates of a finished order: `fold` needs their creation offsets.
 * The log time before the batch is enough: what memory has forgotten was older than the window already then.
 */
export const idsToLookUp = (memory: TailPartition, events: readonly (OrderEvent | null)[]): string[] => {
  const ids: string[] = [];
  for (const event of events) {
    if (event?.name !== 'OrderCreated' || memory.orders.has(event.orderId)) continue;
    if (mayBeDuplicate(event, memory.logTime)) ids.push(event.orderId);
  }
  return ids;
};

/** Passes over what stands at the partition's position and cannot be decoded: `next` is the offset of the record that follows. */
export const passOver = (memory: TailPartition, next: number): void => {
  memory.position = next;
};

/**
 * Folds the event at the partition's position. `creationOffsets` has the offsets of `idsToLookUp`, where PostgreSQL knows them. A fact about
 * an order that memory does not hold is void: the order is closed, or was never created.
 */
export const fold = (memory: TailPartition, event: OrderEvent, creationOffsets: ReadonlyMap<string, number>): Folded => {
  const offset = memory.position;
  memory.position = offset + 1;
  const known = memory.orders.get(event.orderId);
  const before = known?.order ?? null;
  const firstOffset = known === undefined ? creationOffsets.get(event.orderId) : undefined;
  const isLateDuplicate = firstOffset !== undefined && firstOffset < offset;
  const { order, effect } = isLateDuplicate && event.kind === 'fact' ? { order: null, effect: 'void' as const } : evolve(before, event);
  const isOrphan = known === undefined && effect === 'refusal';
  if (offset >= memory.checkpoint) {
    noteUnstored(memory, { event, effect, partition: memory.partition, offset, ...(isOrphan ? { isOrphan } : {}) });
  }
  if (order === null || order === before) return { effect, change: null };
  if (known === undefined) add(memory, order, offset);
  else advance(memory, known, order, offset);
  return { effect, change: effect === 'applied' ? { order, event, previousStatus: before?.status ?? null, offset } : null };
};

const noteUnstored = (memory: TailPartition, logged: LoggedEvent): void => {
  memory.unstored.push(logged);
  const ofOrder = memory.unstoredByOrder.get(logged.event.orderId);
  if (ofOrder === undefined) memory.unstoredByOrder.set(logged.event.orderId, [logged]);
  else ofOrder.push(logged);
};

const add = (memory: TailPartition, order: Order, offset: number): void => {
  memory.orders.set(order.orderId, { order, partition: memory.partition, createdOffset: offset, lastOffset: offset });
  memory.openCount += 1;
  memory.logTime = Math.max(memory.logTime, order.createdAt);
};

const advance = (memory: TailPartition, known: StoredOrder, order: Order, offset: number): void => {
  const closes = isTerminal(order.status) && !isTerminal(known.order.status);
  known.order = order;
  known.lastOffset = offset;
  if (!closes) return;
  memory.openCount -= 1;
  memory.closed.push(known);
};

/** The projector's checkpoint has moved: forgets the events that PostgreSQL shows, and the closed orders that need not be remembered. */
export const trim = (memory: TailPartition, checkpoint: number): void => {
  memory.checkpoint = checkpoint;
  let stored = 0;
  for (const { offset, event } of memory.unstored) {
    if (offset >= checkpoint) break;
    const ofOrder = memory.unstoredByOrder.get(event.orderId)!;
    // A new array: a read in flight may hold the old one, and must not lose its beginning (R7).
    if (ofOrder.length === 1) memory.unstoredByOrder.delete(event.orderId);
    else memory.unstoredByOrder.set(event.orderId, ofOrder.slice(1));
    stored += 1;
  }
  memory.unstored.splice(0, stored);
  const { count, logTime } = forgettable(memory.closed, {
    logTime: memory.logTime,
    orderOf: ({ order }) => order,
    mustStay: ({ lastOffset }) => lastOffset >= checkpoint,
  });
  memory.logTime = logTime;
  for (const { order } of memory.closed.splice(0, count)) memory.orders.delete(order.orderId);
};
