// shared/product/events.ts: every kind of record on the topic `products`, after upcasting. `data` has the shape that is on
// the wire (snake_case, schemas in event-schemas.ts), everything else comes from the envelope. Pure; imports only the core.

import { type NameOfKind, PRODUCT_EVENT_TYPES } from './event-types.ts';

/** How a product got its id. */
export const PRODUCT_ID_ORIGINS = ['server', 'client'] as const;
export type ProductIdOrigin = (typeof PRODUCT_ID_ORIGINS)[number];

/**
 * The product as a decision left it, with what only the ledger knew then: what the client was told, to be told again to a repetition.
 * Null in records of before.
 */
export interface ProductResult {
  name: string;
  description: string | null;
  price_minor: number;
  currency: string;
  put_in: number;
  reserved: number;
  sold: number;
  /** Epoch milliseconds. */
  created_at: number;
  updated_at: number;
}

export interface ProductEventData {
  /** `stock`: units put in to begin with. */
  ProductCreated: {
    name: string;
    description: string | null;
    price_minor: number;
    currency: string;
    stock: number;
    id_origin: ProductIdOrigin;
    /** Hash of the normalised command, of a product that was created with an Idempotency-Key; else null. */
    command_hash: string | null;
  };
  /** The product as it is from now on, and by how many units its stock changed (0: not at all). */
  ProductUpdated: { name: string; description: string | null; price_minor: number; stock_delta: number; result: ProductResult | null };
  StockAdjusted: { delta: number; result: ProductResult | null };
  ProductRequestRefused: { code: string; detail: string };
  /** An absent property stays as it is; `stock` is the number on hand that is asked for. */
  ProductUpdateRequested: {
    name?: string;
    description?: string | null;
    price_minor?: number;
    stock?: number;
    expected_version: number | null;
    command_hash: string | null;
  };
  /** Exactly one of the two is a number: units to add (or take away), or the number on hand that is asked for. */
  StockAdjustmentRequested: { delta: number | null; stock: number | null; expected_version: number | null; command_hash: string | null };
}
export type ProductEventName = keyof ProductEventData;

export type ProductFactName = NameOfKind<'fact'>;
export type ProductRequestName = NameOfKind<'request'>;

export const productEventKind = (name: ProductEventName): ProductEvent['kind'] => PRODUCT_EVENT_TYPES[name].kind;

const NAMES = Object.keys(PRODUCT_EVENT_TYPES) as ProductEventName[];
export const PRODUCT_FACT_NAMES = NAMES.filter((name): name is ProductFactName => productEventKind(name) === 'fact');

interface Envelope {
  /** ce_id: a uuid, unique per event and the same in every copy of it. A request's is derived from its Idempotency-Key, if it has one. */
  id: string;
  productId: string;
  /** ce_time in epoch milliseconds, as the writer's clock had it (R10: it orders nothing). */
  time: number;
  /** `user:ID`, `client:ID`, `system:ROLE` or `anonymous`. */
  actor: string;
  /** For an answer: the id of the request that it answers. */
  causationId: string | null;
  correlationId: string | null;
}

type FactOf<N extends ProductFactName> = Envelope & { kind: 'fact'; name: N; version: number; data: ProductEventData[N] };
type RequestOf<N extends ProductRequestName> = Envelope & { kind: 'request'; name: N; data: ProductEventData[N] };

/** Something that happened, with its 1-based version within the product. */
export type ProductFact = { [N in ProductFactName]: FactOf<N> }[ProductFactName];
/** Something that was asked for and is answered by a fact or a refusal that names it. */
export type ProductRequest = { [N in ProductRequestName]: RequestOf<N> }[ProductRequestName];
/** The answer "no" to the request in `causationId`. */
export type ProductRefusal = Envelope & { kind: 'refusal'; name: 'ProductRequestRefused'; data: ProductEventData['ProductRequestRefused'] };

export type ProductEvent = ProductFact | ProductRequest | ProductRefusal;
export type ProductCreated = FactOf<'ProductCreated'>;
