// shared/order/events.ts: every kind of record on the topic `orders`, after upcasting. `data` has the shape that is on
// the wire (snake_case, schemas in event-schemas.ts), everything else comes from the envelope. Pure; imports only the core.

import { EVENT_TYPES, type NameOfKind } from './event-types.ts';
import type { OrderStatus } from './lifecycle.ts';

/** One line of an order. Prices are integer minor units (cents), null where the catalogue does not price the item. */
export interface ItemData {
  product_id: string;
  quantity: number;
  unit_price_minor: number | null;
  /** R14: whether stock is kept for this item, decided once, when the order was submitted. */
  stocked: boolean;
}

/** How an order got its id, and so whether the same id may come again (R5): all but `server` can. */
export const ID_ORIGINS = ['server', 'client', 'key', 'batch'] as const;
export type IdOrigin = (typeof ID_ORIGINS)[number];

export interface OrderCreatedData {
  user_id: string;
  items: ItemData[];
  total_minor: number;
  currency: string;
  id_origin: IdOrigin;
  batch_id: string | null;
  /** Hash of the caller and the Idempotency-Key, null without one. */
  key_hash: string | null;
  /** Hash of the normalised command: the same key with another command is refused. */
  command_hash: string | null;
}

/** What every later fact carries, so that no frame of the live feed needs a query. */
export interface FactContext {
  user_id: string;
  previous_status: OrderStatus;
}

/** What every request carries. */
export interface RequestContext {
  /** The request is refused when the order has another version (`If-Match`); null: whatever it has. */
  expected_version: number | null;
  /** Hash of the normalised command, of a request with an Idempotency-Key: the same key with another command is refused. Else null. */
  command_hash: string | null;
}

/** How fulfilment that answers later has ended. */
export const REPORTED_OUTCOMES = ['done', 'failed'] as const;
export type ReportedOutcome = (typeof REPORTED_OUTCOMES)[number];

export interface ReportData {
  outcome: ReportedOutcome;
  /** Why it failed, as parking codes are written; null with `done`, unless the reporter says one. */
  code: string | null;
  detail: string | null;
  /** Which acceptance it is about; null: that of the order, whichever it is. */
  reference: string | null;
}

export interface EventData {
  OrderCreated: OrderCreatedData;
  OrderProcessing: FactContext & { reserved: { product_id: string; quantity: number }[] };
  OrderCompleted: FactContext;
  OrderCancelled: FactContext & { reason: string | null };
  OrderRejected: FactContext & { code: string; reason: string | null };
  OrderAmended: FactContext & { items: ItemData[]; total_minor: number };
  OrderParked: FactContext & { code: string; attempts: number /** What the last attempt came to, for people. */; detail?: string };
  OrderUnparked: FactContext;
  /** `reference`: the endpoint's own name for its work, if it gave one. */
  OrderFulfilmentAccepted: FactContext & { reference: string | null };
  OrderRequestRefused: { code: string; detail: string };
  OrderCancellationRequested: RequestContext & { reason: string | null };
  OrderStatusChangeRequested: RequestContext & { status: OrderStatus; reason: string | null };
  OrderAmendmentRequested: RequestContext & { items: ItemData[]; total_minor: number };
  OrderRedriveRequested: RequestContext;
  OrderFulfilmentReported: RequestContext & ReportData;
}
export type OrderEventName = keyof EventData;

export type OrderFactName = NameOfKind<'fact'>;
export type OrderRequestName = NameOfKind<'request'>;

export const kindOf = (name: OrderEventName): OrderEvent['kind'] => EVENT_TYPES[name].kind;

const NAMES = Object.keys(EVENT_TYPES) as OrderEventName[];
export const FACT_NAMES = NAMES.filter((name): name is OrderFactName => kindOf(name) === 'fact');
export const REQUEST_NAMES = NAMES.filter((name): name is OrderRequestName => kindOf(name) === 'request');

interface Envelope {
  /** ce_id: a uuid, unique per event and the same in every copy of it. A request's is derived from its Idempotency-Key, if it has one. */
  id: string;
  orderId: string;
  /** ce_time in epoch milliseconds, as the writer's clock had it (R10: it orders nothing). */
  time: number;
  /** `user:ID`, `client:ID`, `system:ROLE` or `anonymous`. */
  actor: string;
  /** For an answer: the id of the request that it answers. */
  causationId: string | null;
  correlationId: string | null;
}

type FactOf<N extends OrderFactName> = Envelope & { kind: 'fact'; name: N; version: number; data: EventData[N] };
type RequestOf<N extends OrderRequestName> = Envelope & { kind: 'request'; name: N; data: EventData[N] };

/** Something that happened, with its 1-based version within the order. */
export type OrderFact = { [N in OrderFactName]: FactOf<N> }[OrderFactName];
/** Something that was asked for and is answered by a fact or a refusal that names it. */
export type OrderRequest = { [N in OrderRequestName]: RequestOf<N> }[OrderRequestName];
/** The answer "no" to the request in `causationId`. */
export type OrderRefusal = Envelope & { kind: 'refusal'; name: 'OrderRequestRefused'; data: EventData['OrderRequestRefused'] };

export type OrderEvent = OrderFact | OrderRequest | OrderRefusal;
export type OrderCreated = FactOf<'OrderCreated'>;
