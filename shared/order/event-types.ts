// shared/order/event-types.ts: every type of record on the topic `orders`, one row each; names, kinds, wire types and sources follow.
// The data of a type are in events.ts, which does not compile without its row here. Pure; imports nothing.

interface EventType {
  kind: 'fact' | 'request' | 'refusal';
  /** Which role writes it (`ce_source`). */
  source: '/api' | '/processor';
  /** What this code writes, and what every older version is upcast to (upcast.ts). */
  version: number;
  /** How `orders_decided_total` counts it; null for what the processor does not decide. */
  decision: string | null;
}

export const EVENT_TYPES = {
  OrderCreated: { kind: 'fact', source: '/api', version: 1, decision: null },
  OrderProcessing: { kind: 'fact', source: '/processor', version: 1, decision: 'processing' },
  OrderCompleted: { kind: 'fact', source: '/processor', version: 1, decision: 'completed' },
  OrderCancelled: { kind: 'fact', source: '/processor', version: 1, decision: 'cancelled' },
  OrderRejected: { kind: 'fact', source: '/processor', version: 1, decision: 'rejected' },
  OrderAmended: { kind: 'fact', source: '/processor', version: 1, decision: 'amended' },
  OrderParked: { kind: 'fact', source: '/processor', version: 1, decision: 'parked' },
  OrderUnparked: { kind: 'fact', source: '/processor', version: 1, decision: 'unparked' },
  OrderFulfilmentAccepted: { kind: 'fact', source: '/processor', version: 1, decision: 'accepted' },
  OrderRequestRefused: { kind: 'refusal', source: '/processor', version: 1, decision: 'refused' },
  OrderCancellationRequested: { kind: 'request', source: '/api', version: 1, decision: null },
  OrderStatusChangeRequested: { kind: 'request', source: '/api', version: 1, decision: null },
  OrderAmendmentRequested: { kind: 'request', source: '/api', version: 1, decision: null },
  OrderRedriveRequested: { kind: 'request', source: '/api', version: 1, decision: null },
  OrderFulfilmentReported: { kind: 'request', source: '/api', version: 1, decision: null },
} as const satisfies Readonly<Record<string, EventType>>;

type Types = typeof EVENT_TYPES;

/** The names of one kind of event. */
export type NameOfKind<K extends EventType['kind']> = { [N in keyof Types]: Types[N]['kind'] extends K ? N : never }[keyof Types];

/** What the processor decides: each has a `decision` to be counted by. */
export type DecidedName = { [N in keyof Types]: Types[N]['decision'] extends string ? N : never }[keyof Types];
