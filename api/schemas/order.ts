// api/schemas/order.ts: orders and their events as they go out.
// The schemas describe and are tested against; serialisation is plain JSON, so nothing is dropped or converted on the way.

import { type TSchema, Type } from 'typebox';
import { ORDER_STATUSES, type OrderStatus } from '../../shared/order/lifecycle.ts';
import { EFFECTS } from '../../shared/order/order.ts';
import type { OrderView } from '../../shared/order/order-view.ts';

export const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()]);

const EXAMPLE_ID = '0199a1f0-7d2e-7c4b-9b1a-3f5d2c8e6a10';
const Time = Type.String({ format: 'date-time', description: 'UTC, with milliseconds.' });
const Seconds = (description: string) => orNull(Type.Number({ minimum: 0, description }));
const Amount = Type.Number({ minimum: 0 });
export const StatusSchema = Type.Unsafe<string>({ type: 'string', enum: [...ORDER_STATUSES] });

export const EXAMPLE_ORDER: OrderView = {
  order_id: EXAMPLE_ID,
  user_id: '101',
  items: [
    { product_id: '5', quantity: 2, unit_price: null },
    { product_id: '6', quantity: 1, unit_price: null },
  ],
  item_ids: ['5', '6'],
  total_amount: 299.99,
  currency: 'USD',
  status: 'processing',
  version: 2,
  created_at: '2026-11-21T10:00:00.000Z',
  processing_started_at: '2026-11-21T10:00:00.012Z',
  completed_at: null,
  cancelled_at: null,
  rejected_at: null,
  updated_at: '2026-11-21T10:00:00.012Z',
  pending_duration: 0.012,
  processing_duration: null,
  total_duration: null,
  reason: null,
  parked: null,
  batch_id: null,
};
const EXAMPLE_NEW_ORDER: OrderView = {
  ...EXAMPLE_ORDER,
  status: 'pending',
  version: 1,
  processing_started_at: null,
  updated_at: EXAMPLE_ORDER.created_at,
  pending_duration: null,
};

export const OrderSchema = Type.Object(
  {
    order_id: Type.String(),
    user_id: Type.String(),
    items: Type.Array(
      Type.Object(
        { product_id: Type.String(), quantity: Type.Integer({ minimum: 1 }), unit_price: orNull(Amount) },
        { additionalProperties: false },
      ),
    ),
    item_ids: Type.Array(Type.String(), { description: 'Each product once, in order.' }),
    total_amount: Amount,
    currency: Type.String(),
    status: StatusSchema,
    version: Type.Integer({ minimum: 1, description: 'How many facts the order has; also its ETag.' }),
    created_at: Time,
    processing_started_at: orNull(Time),
    completed_at: orNull(Time),
    cancelled_at: orNull(Time),
    rejected_at: orNull(Time),
    updated_at: Time,
    pending_duration: Seconds('How long it was pending, in seconds; null while it is.'),
    processing_duration: Seconds('How long it was in processing; null before its end.'),
    total_duration: Seconds('From its creation to its end; null before.'),
    reason: orNull(Type.String()),
    parked: orNull(
      Type.Object(
        { since: Time, code: Type.String(), attempts: Type.Integer() },
        { additionalProperties: false, description: 'Fulfilment keeps failing; the order waits for an operator.' },
      ),
    ),
    batch_id: orNull(Type.String()),
  },
  { $id: 'Order', additionalProperties: false },
);
export const OrderRef = Type.Unsafe<OrderView>({ $ref: 'Order#' });

export const EventSchema = Type.Object(
  {
    id: Type.String(),
    type: Type.String(),
    version: orNull(Type.Integer({ minimum: 1 })),
    effect: Type.Unsafe<string>({
      type: 'string',
      enum: [...EFFECTS],
      description: 'applied: it moved the order. void: arbitration passed it over. request: asked for. refusal: the answer no.',
    }),
    time: Time,
    actor: Type.String(),
    causation_id: orNull(Type.String()),
    position: Type.Object({ topic: Type.String(), partition: Type.Integer(), offset: Type.Integer() }, { additionalProperties: false }),
    data: Type.Unsafe<object>({ type: 'object' }),
  },
  { $id: 'OrderEvent', additionalProperties: false },
);

const NextCursor = orNull(Type.String({ description: 'Give it as `cursor` for the next page; null on the last one.' }));

export const OrderPage = Type.Object({ orders: Type.Array(OrderRef), next_cursor: NextCursor }, { additionalProperties: false });
export const EXAMPLE_PAGE = { orders: [EXAMPLE_ORDER], next_cursor: null };

export const EventPage = Type.Object(
  { order_id: Type.String(), events: Type.Array(Type.Unsafe<object>({ $ref: 'OrderEvent#' })), next_cursor: NextCursor },
  { additionalProperties: false },
);
export const EXAMPLE_EVENTS = {
  order_id: EXAMPLE_ID,
  events: [
    {
      id: '0199a1f0-7d2e-7aaa-8c1d-9e0f1a2b3c4d',
      type: 'orders.OrderProcessing.v1',
      version: 2,
      effect: 'applied',
      time: EXAMPLE_ORDER.updated_at,
      actor: 'system:processor',
      causation_id: null,
      position: { topic: 'orders', partition: 3, offset: 1201 },
      data: { user_id: '101', previous_status: 'pending', reserved: [] },
    },
  ],
  next_cursor: null,
};

export const OrderStatusView = Type.Object(
  { order_id: Type.String(), status: StatusSchema, version: Type.Integer(), updated_at: Time },
  { additionalProperties: false },
);
export const EXAMPLE_STATUS = { order_id: EXAMPLE_ID, status: 'processing', version: 2, updated_at: EXAMPLE_ORDER.updated_at };

export const Created = Type.Object({ message: Type.String(), order_id: Type.String(), order: OrderRef }, { additionalProperties: false });
export const EXAMPLE_CREATED = { message: 'Order created', order_id: EXAMPLE_ID, order: EXAMPLE_NEW_ORDER };

export const Accepted = Type.Object({ message: Type.String(), order_id: Type.String() }, { additionalProperties: false });
export const EXAMPLE_ACCEPTED = { message: 'Order accepted', order_id: EXAMPLE_ID };

export const STATUS_WORDS = {
  pending: 'Pending',
  processing: 'Processing',
  completed: 'Completed',
  cancelled: 'Cancelled',
  rejected: 'Rejected',
} as const satisfies Record<OrderStatus, string>;

export const StatusAsBefore = Type.Object(
  { order_id: Type.String(), order_status: Type.Unsafe<string>({ type: 'string', enum: Object.values(STATUS_WORDS) }) },
  { additionalProperties: false },
);
export const EXAMPLE_STATUS_AS_BEFORE = { order_id: EXAMPLE_ID, order_status: STATUS_WORDS.processing };
export const EXAMPLE_CREATED_AS_BEFORE = { order_id: EXAMPLE_ID, order_status: STATUS_WORDS.pending };
