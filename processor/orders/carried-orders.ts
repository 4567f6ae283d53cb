// processor/orders/carried-orders.ts: carries long-open orders in the ledger, so that successors need not read from their creation (R12).
// The transaction that moves the start offset past an order stores its fold, and a successor goes on from there. No I/O, no clock.

import { isTerminal } from '../../shared/order/lifecycle.ts';
import type { CarriedOrder, StartMove } from '../ledger/ledger.ts';
import type { Entry } from './entry.ts';
import type { Partition } from './partition.ts';

// Some KB each in the ledger and in every take-over. With more, the start offset waits for the oldest that is not carried.
export const CARRIED_MAX = 1_000;

export interface CarryRule {
  /** Epoch ms. A wrong clock only makes orders be carried too early or too late. */
  now: number;
  /** How long an order must have been open. */
  carryAfterMs: number;
}

/**
 * R6 and R12: where a successor must start reading to know what this processor knows, and the folds that must be stored or may be
 * dropped in the same transaction. Call `noteStored` when it is known to have happened; until then both outcomes are reckoned with.
 */
export const planStart = (partition: Partition, rule: CarryRule): StartMove => {
  const { position, carried, requests } = partition;
  const { newly, oldest } = longOpen(partition, rule);
  const oldestRequest = requests.values().next().value; // in log order
  let offset = Math.min(position, oldest?.createdOffset ?? Infinity, oldestRequest?.offset ?? Infinity);

  const store: CarriedOrder[] = [];
  for (const entry of [...carried, ...newly]) {
    if (!isStorable(partition, entry)) offset = Math.min(offset, neededFrom(entry));
    else if (isStored(entry)) entry.carried!.stored!.asOf = position;
    else {
      store.push({ order: entry.order, asOf: position, createdOffset: entry.createdOffset, usesStock: entry.usesStock });
      carried.add(entry);
      entry.carried ??= { stored: null, maybeAsOf: null };
      entry.carried.maybeAsOf ??= position;
    }
  }

  // The row of an order that is over goes when its end lies behind the start; until then the start stays where the row is right.
  const left = [...partition.left];
  for (let moved = true; moved; ) {
    const before = offset;
    for (const [, { entry, closedAt }] of left) if (closedAt >= offset) offset = Math.min(offset, neededFrom(entry));
    moved = offset < before;
  }
  const drop = left.flatMap(([orderId, { closedAt }]) => (closedAt < offset ? [orderId] : []));
  return { offset, note: `logtime=${partition.logTime}`, store, drop };
};

/** The transaction of a plan is known to have been committed. */
export const noteStored = (partition: Partition, { store = [], drop = [] }: StartMove): void => {
  for (const { order, asOf } of store) {
    const state = (partition.orders.get(order.orderId) ?? partition.left.get(order.orderId)?.entry)?.carried;
    if (state) Object.assign(state, { stored: { order, asOf }, maybeAsOf: null });
  }
  for (const orderId of drop) partition.left.delete(orderId);
};

/** From the oldest on: those that have been open for long and are not carried yet, and the first order that holds the start back. */
const longOpen = (partition: Partition, { now, carryAfterMs }: CarryRule): { newly: Entry[]; oldest: Entry | undefined } => {
  const newly: Entry[] = [];
  for (const entry of partition.orders.values()) {
    if (entry.carried !== null) continue;
    const room = partition.carried.size + partition.left.size + newly.length < CARRIED_MAX;
    if (!room || now - entry.order.createdAt < carryAfterMs || !isStorable(partition, entry)) return { newly, oldest: entry };
    newly.push(entry);
  }
  return { newly, oldest: undefined };
};

/** What its fold does not say must follow from what is read after it: no late duplicate, and nothing that the ledger still has to hear (R3). */
const isStorable = (partition: Partition, entry: Entry): boolean =>
  partition.orders.get(entry.order.orderId) === entry &&
  !isTerminal(entry.order.status) &&
  entry.duplicateCheck === 'passed' &&
  entry.unsettled === 0;

const isStored = ({ order, carried }: Entry): boolean => carried?.stored?.order === order && carried.maybeAsOf === null;

/** Where reading must start to turn the row, whichever of the possible ones it is, into what the entry is now. */
const neededFrom = (entry: Entry): number => {
  const { stored, maybeAsOf } = entry.carried ?? { stored: null, maybeAsOf: null };
  if (stored === null) return entry.createdOffset;
  return isStored(entry) ? Infinity : Math.min(stored.asOf, maybeAsOf ?? Infinity);
};
