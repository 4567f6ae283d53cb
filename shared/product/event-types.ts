// shared/product/event-types.ts: every type of record on the topic `products`, one row each; names, kinds, wire types and sources follow.
// The data of a type are in events.ts, which does not compile without its row here. Pure; imports nothing.

interface ProductEventType {
  kind: 'fact' | 'request' | 'refusal';
  /** Which role writes it (`ce_source`). */
  source: '/api' | '/processor';
  /** What this code writes, and what every older version is upcast to (upcast.ts). */
  version: number;
}

export const PRODUCT_EVENT_TYPES = {
  ProductCreated: { kind: 'fact', source: '/api', version: 1 },
  ProductUpdated: { kind: 'fact', source: '/processor', version: 1 },
  StockAdjusted: { kind: 'fact', source: '/processor', version: 1 },
  ProductRequestRefused: { kind: 'refusal', source: '/processor', version: 1 },
  ProductUpdateRequested: { kind: 'request', source: '/api', version: 1 },
  StockAdjustmentRequested: { kind: 'request', source: '/api', version: 1 },
} as const satisfies Readonly<Record<string, ProductEventType>>;

type Types = typeof PRODUCT_EVENT_TYPES;

/** The names of one kind of event. */
export type NameOfKind<K extends ProductEventType['kind']> = { [N in keyof Types]: Types[N]['kind'] extends K ? N : never }[keyof Types];
