// processor/orders/partition.ts: what a processor knows of one partition: its position, its open orders, and the unanswered requests.
// It never changes except by reading the log (R1). No I/O, no clock.

import type { OrderEvent, OrderFact, OrderRequest } from '../../shared/order/events.ts';
import { forgettable, mayBeDuplicate } from '../../shared/order/late-duplicates.ts';
import { isTerminal } from '../../shared/order/lifecycle.ts';
import { answeredBy, type Effect, evolve, type Order } from '../../shared/order/order.ts';
import { bringsStock, sameLines, stockLines } from '../../shared/order/stock.ts';
import type { CarriedOrder, ReadMark, StockStep } from '../ledger/ledger.ts';
import { type Entry, newEntry, type PendingRequest, report } from './entry.ts';

export interface Partition {
  readonly partition: number;
  /** The next offset to read. */
  position: number;
  /** R17: the id of the topic, and the record before `position`; null: not known. */
  topicId: string | null;
  lastEventId: string | null;
  readonly own: OwnRecords;
  /** Nothing is decided before the position has reached this: the end of the log when the partition was assigned (R6). */
  readonly actFrom: number;
  /** Memory says nothing about orders that closed below this offset; the read model does once its checkpoint is past it. */
  knownFrom: number;
  /** Highest creation time read; infinite when unknown, which makes every new id be looked up. Never goes back. */
  logTime: number;
  /** Open orders and recently closed ones, in the order of their creation in the log. */
  readonly orders: Map<string, Entry>;
  readonly requests: Map<string, PendingRequest>;
  /** Those of them whose order memory does not hold (closed, or never created), by order id. */
  readonly unmatched: Map<string, PendingRequest[]>;
  /** Closed orders in closing order, with the offset of their last fact: they wait here to be forgotten. */
  readonly closed: { entry: Entry; offset: number }[];
  /** R12: orders in memory that have, or may have, a row in the ledger. */
  readonly carried: Set<Entry>;
  /** R12: those that were forgotten while their row is still there, with the offset of their last fact. */
  readonly left: Map<string, { entry: Entry; closedAt: number }>;
  openCount: number;
  /** False once the partition was taken away: whatever still comes back for it is ignored. */
  live: boolean;
}

/** R17: records that this process has appended and not read yet. Each is gone from here once it is read. */
export interface OwnRecords {
  /** Their ids, unless their append has failed. */
  readonly underWay: Set<string>;
  /** Those that are acknowledged, applied at once or not: offset → id of what has to stand there. */
  readonly acknowledged: Map<number, string>;
}

export const createPartition = (
  partition: number,
  startOffset: number,
  highWatermark: number,
  logTime: number,
  carriedOrders: readonly CarriedOrder[] = [],
): Partition => {
  const entries = carriedOrders.map((carried) => takeUp(carried, startOffset));
  return {
    partition,
    position: startOffset,
    topicId: null,
    lastEventId: null,
    own: { underWay: new Set(), acknowledged: new Map() },
    actFrom: highWatermark,
    knownFrom: startOffset,
    logTime,
    orders: new Map(entries.map((entry) => [entry.order.orderId, entry])),
    requests: new Map(),
    unmatched: new Map(),
    closed: [],
    carried: new Set(entries),
    left: new Map(),
    openCount: entries.length,
    live: true,
  };
};

/** Up to where the partition was read, for the ledger; null where nothing was read since it was assigned. */
export const readMarkOf = ({ position, topicId, lastEventId }: Partition): ReadMark | null =>
  lastEventId === null ? null : { nextOffset: position, topicId, lastEventId };

/** A row is right at the start offset, also where it is older: its order has not changed in between. */
const takeUp = ({ order, asOf, createdOffset, usesStock }: CarriedOrder, startOffset: number): Entry => {
  const foldedUpTo = Math.max(asOf, startOffset);
  return newEntry({ order, createdOffset, foldedUpTo, usesStock, carried: { stored: { order, asOf: foldedUpTo }, maybeAsOf: null } });
};

/** Folds the record at the partition's position. Returns the order it concerned, if memory has it. */
export const readEvent = (partition: Partition, event: OrderEvent, offset: number): { entry: Entry | undefined; effect: Effect } => {
  const known = partition.orders.get(event.orderId);
  if (event.kind === 'request') return { entry: noteRequest(partition, known, event, offset), effect: 'request' };
  // In the fold already, or void at that place for good: a later fold might take it.
  if (known !== undefined && offset < known.foldedUpTo) return { entry: known, effect: 'void' };
  const { order, effect } = evolve(known?.order ?? null, event);
  if (known === undefined && effect === 'applied' && order !== null) return { entry: addOrder(partition, order, event, offset), effect };
  const fact = event.kind === 'fact' && effect === 'applied' ? event : null;
  if (known !== undefined && order !== null) advance(partition, known, { order, offset, fact });
  const requestId = answeredBy(event, effect);
  if (requestId !== null) forgetRequest(partition, known, requestId);
  return { entry: known, effect };
};

const addOrder = (partition: Partition, order: Order, event: OrderEvent, offset: number): Entry => {
  const needsLookUp = event.name === 'OrderCreated' && mayBeDuplicate(event, partition.logTime);
  if (event.name === 'OrderCreated') partition.logTime = Math.max(partition.logTime, event.time);
  const entry = newEntry({
    order,
    createdOffset: offset,
    duplicateCheck: needsLookUp ? 'due' : 'passed',
    usesStock: event.kind === 'fact' && bringsStock(event),
    // A late duplicate may come after a request that was meant for the order itself.
    requests: partition.unmatched.get(order.orderId) ?? [],
  });
  partition.unmatched.delete(order.orderId);
  partition.orders.set(order.orderId, entry);
  partition.openCount += 1;
  return entry;
};

const advance = (partition: Partition, entry: Entry, read: { order: Order; offset: number; fact: OrderFact | null }): void => {
  const wasOpen = !isTerminal(entry.order.status);
  report(entry, { what: 'read', ...read });
  if (!wasOpen || !isTerminal(read.order.status)) return;
  partition.openCount -= 1;
  partition.closed.push({ entry, offset: read.offset });
};

const noteRequest = (partition: Partition, entry: Entry | undefined, request: OrderRequest, offset: number): Entry | undefined => {
  if (partition.requests.has(request.id) || entry?.order.answeredRequests.includes(request.id)) return entry;
  const pending: PendingRequest = { request, offset, inFlight: null };
  partition.requests.set(request.id, pending);
  if (entry) entry.requests.push(pending);
  else addUnmatched(partition, pending);
  return entry;
};

const forgetRequest = (partition: Partition, entry: Entry | undefined, requestId: string): void => {
  const known = partition.requests.get(requestId);
  if (known === undefined) return;
  partition.requests.delete(requestId);
  const isOther = ({ request }: PendingRequest): boolean => request.id !== requestId;
  if (entry) {
    entry.requests = entry.requests.filter(isOther);
    return;
  }
  const { orderId } = known.request;
  const rest = partition.unmatched.get(orderId)?.filter(isOther) ?? [];
  if (rest.length > 0) partition.unmatched.set(orderId, rest);
  else partition.unmatched.delete(orderId);
};

const addUnmatched = (partition: Partition, pending: PendingRequest): void => {
  const { orderId } = pending.request;
  const others = partition.unmatched.get(orderId);
  if (others) others.push(pending);
  else partition.unmatched.set(orderId, [pending]);
};

/** Drops a late duplicate of a closed order. Its requests are returned: they are refused, as requests for an unknown order. */
export const dropLateDuplicate = (partition: Partition, entry: Entry): PendingRequest[] => {
  if (partition.orders.get(entry.order.orderId) !== entry || isTerminal(entry.order.status)) return [];
  partition.orders.delete(entry.order.orderId);
  leaveRow(partition, entry, NEVER);
  partition.openCount -= 1;
  for (const pending of entry.requests) addUnmatched(partition, pending);
  return entry.requests;
};

/** Unanswered requests for orders that memory does not hold. */
export const unmatchedRequests = (partition: Partition): PendingRequest[] => [...partition.unmatched.values()].flat();

/**
 * R3: what an applied fact, which `readEvent` has folded into the entry, means for the ledger. Null: nothing, or nothing new
 * because this very process has had it written when it decided.
 */
export const stockStepOf = ({ partition }: Partition, entry: Entry, fact: OrderFact): StockStep | null => {
  const { order, usesStock, stockDecision } = entry;
  const { orderId, status } = order;
  if (!usesStock) return null;
  if (fact.name === 'OrderProcessing') {
    const version = fact.version - 1;
    const isOurs = stockDecision?.version === version && stockDecision.enough && sameLines(fact.data.reserved, stockLines(order.items));
    if (isOurs) return null;
    return { partition, orderId, version, do: 'hold', lines: fact.data.reserved };
  }
  if (!isTerminal(status)) return null;
  return { partition, orderId, version: fact.version, do: status === 'completed' ? 'sell' : 'release', lines: [] };
};

/** Forgets closed orders whose late duplicate would be looked up anyway (R5), or too many. Call after each batch, and when stock was settled. */
export const forgetClosed = (partition: Partition): void => {
  const { count, logTime } = forgettable(partition.closed, {
    logTime: partition.logTime,
    orderOf: ({ entry }) => entry.order,
    mustStay: ({ entry }) => entry.requests.length > 0 || entry.unsettled > 0,
  });
  partition.logTime = logTime;
  for (const { entry, offset } of partition.closed.splice(0, count)) {
    partition.orders.delete(entry.order.orderId);
    leaveRow(partition, entry, offset);
    partition.knownFrom = Math.max(partition.knownFrom, offset + 1);
  }
};

const NEVER = -1; // it did not live, so nothing must be read for its row to go

const leaveRow = (partition: Partition, entry: Entry, closedAt: number): void => {
  if (!partition.carried.delete(entry)) return;
  partition.left.set(entry.order.orderId, { entry, closedAt });
};

export const isActing = (partition: Partition): boolean => partition.live && partition.position >= partition.actFrom;
