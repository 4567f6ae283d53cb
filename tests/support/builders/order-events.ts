// tests/support/builders/order-events.ts: events of the core with everything filled in that a test does not care about.

import type {
  EventData,
  OrderCreated,
  OrderCreatedData,
  OrderEvent,
  OrderEventName,
  OrderFact,
  OrderFactName,
} from '../../../shared/order/events.ts';
import { kindOf } from '../../../shared/order/events.ts';
import type { OrderStatus } from '../../../shared/order/lifecycle.ts';

let sequence = 0;

export const T0 = Date.parse('2026-01-01T00:00:00.000Z');

export interface EventOptions {
  id?: string;
  time?: number;
  version?: number;
  causationId?: string | null;
}

/** Sample data of every event type; a new type without a sample does not compile. */
export const SAMPLE_DATA: { [N in OrderEventName]: EventData[N] } = {
  OrderCreated: {
    user_id: '101',
    items: [{ product_id: '5', quantity: 2, unit_price_minor: null, stocked: false }],
    total_minor: 29_999,
    currency: 'USD',
    id_origin: 'server',
    batch_id: null,
    key_hash: null,
    command_hash: null,
  },
  OrderProcessing: { user_id: '101', previous_status: 'pending', reserved: [] },
  OrderCompleted: { user_id: '101', previous_status: 'processing' },
  OrderCancelled: { user_id: '101', previous_status: 'pending', reason: 'changed my mind' },
  OrderRejected: { user_id: '101', previous_status: 'pending', code: 'OUT_OF_STOCK', reason: null },
  OrderAmended: {
    user_id: '101',
    previous_status: 'pending',
    items: [{ product_id: '7', quantity: 1, unit_price_minor: 500, stocked: false }],
    total_minor: 500,
  },
  OrderParked: { user_id: '101', previous_status: 'processing', code: 'FULFILMENT_FAILED', attempts: 3 },
  OrderUnparked: { user_id: '101', previous_status: 'processing' },
  OrderFulfilmentAccepted: { user_id: '101', previous_status: 'processing', reference: 'job-7' },
  OrderRequestRefused: { code: 'ILLEGAL_TRANSITION', detail: 'no' },
  OrderCancellationRequested: { reason: null, expected_version: null, command_hash: null },
  OrderStatusChangeRequested: { status: 'completed', reason: null, expected_version: null, command_hash: null },
  OrderAmendmentRequested: {
    items: [{ product_id: '7', quantity: 1, unit_price_minor: 500, stocked: false }],
    total_minor: 500,
    expected_version: null,
    command_hash: null,
  },
  OrderRedriveRequested: { expected_version: null, command_hash: null },
  OrderFulfilmentReported: { outcome: 'done', code: null, detail: null, reference: null, expected_version: null, command_hash: null },
};

/** An event of any type; facts get `version` (default 1). */
export const event = <N extends OrderEventName>(
  name: N,
  orderId: string,
  options: EventOptions & { data?: Partial<EventData[N]> } = {},
): Extract<OrderEvent, { name: N }> => {
  sequence += 1;
  const kind = kindOf(name);
  return {
    kind,
    name,
    id: options.id ?? `e-${sequence}`,
    orderId,
    time: options.time ?? T0 + sequence,
    actor: kind === 'request' ? 'anonymous' : 'system:processor',
    causationId: options.causationId ?? null,
    correlationId: null,
    data: { ...SAMPLE_DATA[name], ...options.data },
    ...(kind === 'fact' ? { version: options.version ?? 1 } : {}),
  } as unknown as Extract<OrderEvent, { name: N }>;
};

export const created = (orderId: string, data: Partial<OrderCreatedData> = {}, options: EventOptions = {}): OrderCreated =>
  event('OrderCreated', orderId, { ...options, data });

/** A fact that follows from the given status. */
export const fact = (
  name: Exclude<OrderFactName, 'OrderCreated'>,
  orderId: string,
  version: number,
  previous: OrderStatus,
  options: EventOptions = {},
): OrderFact => event(name, orderId, { ...options, version, data: { previous_status: previous } as never }) as OrderFact;
