// processor/orders/entry.ts: what a processor knows of one order beyond the log, and the one transition that changes it.
// Pure. The shells report what has happened; order-reactor.ts says what is to be done next.

import type { OrderFact, OrderRequest } from '../../shared/order/events.ts';
import type { Order } from '../../shared/order/order.ts';
import { bringsStock } from '../../shared/order/stock.ts';
import type { Accepted, FailedForGood, Fulfilled } from '../fulfilment/fulfilment.ts';
import type { StockDecision } from '../ledger/ledger.ts';

/** Where an append of ours is: on its way, or acknowledged at an offset that is not read yet. Null: none. */
export type InFlight = null | 'appending' | number;

/** Changed by `transition` alone, which is why nothing here can be assigned. */
export interface EntryState {
  readonly order: Order;
  /** R5: whether the id may belong to a closed order. `due`: it may; `asked`: being looked up; `passed`: this life is the first. */
  readonly duplicateCheck: 'due' | 'asked' | 'passed';
  /** R1: one fact in flight per order. */
  readonly inFlight: InFlight;
  readonly fulfilment: 'idle' | 'running' | 'done' | Accepted | (FailedForGood & { attempts: number });
  /** Of an order that the endpoint has accepted, which rests: whether its deadline runs here, or has passed. */
  readonly report: null | 'awaited' | 'overdue';
  /** Whether it takes from stock or did before it was amended; the others never touch the ledger. */
  readonly usesStock: boolean;
  /** `waiting`: the ledger does not know one of its products yet (R14). */
  readonly stock: 'idle' | 'deciding' | 'waiting';
  /** What the ledger said last, and of which version (R4). Enough: it holds the stock for that version. */
  readonly stockDecision: { version: number; enough: boolean } | null;
  /** R3: steps that follow from facts that were read, and are not in the ledger yet. */
  readonly unsettled: number;
  /** Whether it takes one of the processor's PROCESSOR_CONCURRENCY slots. */
  readonly hasSlot: boolean;
}

/** One order in the memory of a partition. */
export interface Entry extends EntryState {
  readonly createdOffset: number;
  /** R12: facts below this offset were folded by another processor, at their place in the log; 0 if none were. */
  readonly foldedUpTo: number;
  /** Unanswered requests, in log order (partition.ts). */
  requests: PendingRequest[];
  /** R12: its row in the ledger; null while there cannot be one (carried-orders.ts). */
  carried: CarriedState | null;
}

export interface PendingRequest {
  readonly request: OrderRequest;
  readonly offset: number;
  /** Used only while no order in memory has its id; else the order's own flag counts. */
  inFlight: InFlight;
}

export interface CarriedState {
  /** The fold that is stored, and a read position at which it was the current one; null: perhaps none is. */
  stored: { order: Order; asOf: number } | null;
  /** Read position at the first attempt to store since then, if any: it may have happened. */
  maybeAsOf: number | null;
}

export type Happened =
  /** A record about the order was read; `fact`: the one that was applied, if one was. */
  | { what: 'read'; order: Order; offset: number; fact: OrderFact | null }
  | { what: 'look-up-begun' }
  /** It is not a late duplicate. */
  | { what: 'looked-up' }
  | { what: 'slot-taken' }
  | { what: 'slot-released' }
  | { what: 'stock-asked' }
  | { what: 'stock-decided'; version: number; decision: StockDecision }
  /** Too little stock is an answer to one question only: there may be enough when the next one is asked. */
  | { what: 'shortage-used' }
  /** The order has waited for a product that the ledger does not know. */
  | { what: 'product-waited-for' }
  /** A step that follows from a fact is on its way to the ledger, or is in it. */
  | { what: 'settling' }
  | { what: 'settled' }
  | { what: 'append-begun' }
  /** At this offset; `position`: the next offset to read. */
  | { what: 'acknowledged'; offset: number; position: number }
  /** The fact may not be in the log; it is decided again from the fold. */
  | { what: 'append-failed' }
  | { what: 'fulfilment-begun' }
  | { what: 'fulfilled'; as: Exclude<Fulfilled, { outcome: 'unwanted' }> }
  | { what: 'report-awaited' }
  | { what: 'report-overdue' };

/** What changes by what has happened. Total: every happening is possible in every state, and none makes a rule be broken. */
export const transition = (state: EntryState, happened: Happened): Partial<EntryState> => {
  switch (happened.what) {
    case 'read':
      return afterRead(state, happened);
    case 'look-up-begun':
      return { duplicateCheck: 'asked' };
    case 'looked-up':
      return { duplicateCheck: 'passed' };
    case 'slot-taken':
      return { hasSlot: true };
    case 'slot-released':
      return { hasSlot: false };
    case 'stock-asked':
      return { stock: 'deciding' };
    case 'stock-decided':
      return afterDecision(happened);
    case 'shortage-used':
      return { stockDecision: null };
    case 'product-waited-for':
      return { stock: 'idle' };
    case 'settling':
      return { unsettled: state.unsettled + 1 };
    case 'settled':
      return { unsettled: state.unsettled - 1 };
    case 'append-begun':
      return { inFlight: 'appending' };
    case 'acknowledged':
      return { inFlight: inFlightAfter(happened) };
    case 'append-failed':
      return { inFlight: null };
    case 'fulfilment-begun':
      return { fulfilment: 'running' };
    case 'fulfilled':
      return { fulfilment: happened.as.outcome === 'done' ? 'done' : happened.as };
    case 'report-awaited':
      return { report: 'awaited' };
    case 'report-overdue':
      return { report: 'overdue' };
  }
};

/** The one place where an entry changes. */
export const report = (entry: Entry, happened: Happened): void => void Object.assign(entry, transition(entry, happened));

/** R1: an acknowledged record that is not read yet is still in flight. */
export const inFlightAfter = ({ offset, position }: { offset: number; position: number }): InFlight => (offset < position ? null : offset);

const afterRead = (
  { inFlight, usesStock, fulfilment, report }: EntryState,
  { order, offset, fact }: Extract<Happened, { what: 'read' }>,
): Partial<EntryState> => ({
  order,
  inFlight: inFlight === offset ? null : inFlight,
  fulfilment: order.parked === null ? fulfilment : 'idle', // redriven, it begins again
  report: order.accepted === null ? null : report,
  usesStock: usesStock || (fact !== null && bringsStock(fact)),
});

const afterDecision = ({ version, decision }: Extract<Happened, { what: 'stock-decided' }>): Partial<EntryState> => ({
  stock: decision === 'wait' || decision === 'stale' ? 'waiting' : 'idle',
  stockDecision: decision === 'reserved' || decision === 'out-of-stock' ? { version, enough: decision === 'reserved' } : null,
});

/** As a record made it, or a carried fold. */
export const newEntry = (state: Pick<Entry, 'order' | 'createdOffset'> & Partial<Entry>): Entry => ({
  foldedUpTo: 0,
  duplicateCheck: 'passed',
  inFlight: null,
  fulfilment: 'idle',
  report: null,
  usesStock: false,
  stock: 'idle',
  stockDecision: null,
  unsettled: 0,
  hasSlot: false,
  requests: [],
  carried: null,
  ...state,
});
