// shared/order/order.ts: what an order is, as a fold of its events. Every reader (processor, projector, api, verify) calls
// the same `evolve`, which is how a log that cannot refuse a stale append still has one meaning. Pure: no clock, no I/O.

import type { IdOrigin, ItemData, OrderEvent, OrderFact } from './events.ts';
import { canMove, isTerminal, type OrderStatus } from './lifecycle.ts';

export interface Order {
  orderId: string;
  userId: string;
  items: readonly ItemData[];
  totalMinor: number;
  currency: string;
  status: OrderStatus;
  /** The number of applied facts; the next fact must carry this plus one. */
  version: number;
  /** Times are epoch milliseconds and never decrease within an order (R10). */
  createdAt: number;
  processingStartedAt: number | null;
  completedAt: number | null;
  cancelledAt: number | null;
  rejectedAt: number | null;
  updatedAt: number;
  reason: string | null;
  /** Set while fulfilment keeps failing; the status stays. */
  parked: { since: number; code: string; attempts: number } | null;
  /** Set while the endpoint has the order and will report; the status stays. `at`: when the log was told. */
  accepted: { at: number; reference: string | null } | null;
  batchId: string | null;
  idOrigin: IdOrigin;
  /** The ce_id of the OrderCreated that won: tells an order from its late duplicate. */
  createdEventId: string;
  commandHash: string | null;
  /** R2: ids of the requests that have their one answer. */
  answeredRequests: readonly string[];
}

/**
 * What an event did. `applied`: a fact that moved the order. `refusal`: the first answer to a request. `request`: something
 * asked for. `void`: passed over by arbitration; it changes nothing, for every reader and for ever.
 */
export const EFFECTS = ['applied', 'void', 'request', 'refusal'] as const;
export type Effect = (typeof EFFECTS)[number];

export interface Evolved {
  order: Order | null;
  effect: Effect;
}

/**
 * Folds one event into an order; `null` is an order that does not exist yet. Guarantees: a fact applies only if its version
 * is the order's version plus one, the lifecycle allows it, and it does not answer a request that already has an answer.
 * Total over any input order and any repetition; never changes its arguments.
 */
export const evolve = (order: Order | null, event: OrderEvent): Evolved => {
  if (event.kind === 'request') return { order, effect: 'request' };
  if (alreadyAnswered(order, event.causationId)) return { order, effect: 'void' };
  if (event.kind === 'refusal') return { order: order && answered(order, event.causationId), effect: 'refusal' };
  if (event.version !== (order?.version ?? 0) + 1) return { order, effect: 'void' };
  const next = order === null ? created(event) : applied(order, event);
  return next === null ? { order, effect: 'void' } : { order: next, effect: 'applied' };
};

/** R2: the id of the request that a record answers for good, given what the record did; null when it answers none. */
export const answeredBy = (event: OrderEvent, effect: Effect): string | null =>
  effect === 'applied' || effect === 'refusal' ? event.causationId : null;

const alreadyAnswered = (order: Order | null, requestId: string | null): boolean =>
  order !== null && requestId !== null && order.answeredRequests.includes(requestId);

const answered = (order: Order, requestId: string | null): Order =>
  requestId === null ? order : { ...order, answeredRequests: [...order.answeredRequests, requestId] };

const created = (event: OrderFact): Order | null => {
  if (event.name !== 'OrderCreated') return null;
  const { data } = event;
  return {
    orderId: event.orderId,
    userId: data.user_id,
    items: data.items,
    totalMinor: data.total_minor,
    currency: data.currency,
    status: 'pending',
    version: 1,
    createdAt: event.time,
    processingStartedAt: null,
    completedAt: null,
    cancelledAt: null,
    rejectedAt: null,
    updatedAt: event.time,
    reason: null,
    parked: null,
    accepted: null,
    batchId: data.batch_id,
    idOrigin: data.id_origin,
    createdEventId: event.id,
    commandHash: data.command_hash,
    answeredRequests: [],
  };
};

const applied = (order: Order, event: OrderFact): Order | null => {
  const at = Math.max(event.time, order.updatedAt);
  const next = changed(order, event, at);
  if (next === null) return null;
  return answered({ ...next, version: event.version, updatedAt: at }, event.causationId);
};

/** The change one fact makes to an existing order, or null where the lifecycle does not allow it. */
const changed = (order: Order, event: OrderFact, at: number): Order | null => {
  switch (event.name) {
    case 'OrderProcessing':
      return moved(order, 'processing', { processingStartedAt: at });
    case 'OrderCompleted':
      return moved(order, 'completed', { completedAt: at });
    case 'OrderCancelled':
      return moved(order, 'cancelled', { cancelledAt: at, reason: event.data.reason });
    case 'OrderRejected':
      return moved(order, 'rejected', { rejectedAt: at, reason: event.data.reason ?? event.data.code });
    case 'OrderAmended':
      return order.status === 'pending' ? { ...order, items: event.data.items, totalMinor: event.data.total_minor } : null;
    case 'OrderParked':
      if (isTerminal(order.status) || order.parked !== null) return null;
      return { ...order, parked: { since: at, code: event.data.code, attempts: event.data.attempts }, accepted: null };
    case 'OrderUnparked':
      return order.parked === null ? null : { ...order, parked: null };
    case 'OrderFulfilmentAccepted':
      if (order.status !== 'processing' || order.parked !== null || order.accepted !== null) return null;
      return { ...order, accepted: { at, reference: event.data.reference } };
    case 'OrderCreated':
      return null;
  }
};

const moved = (order: Order, to: OrderStatus, change: Partial<Order>): Order | null => {
  if (!canMove(order.status, to)) return null;
  const next = { ...order, ...change, status: to };
  return isTerminal(to) ? { ...next, parked: null, accepted: null } : next;
};
