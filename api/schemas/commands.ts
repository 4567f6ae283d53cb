// api/schemas/commands.ts: bodies and answers of the routes that ask for a change of an order.

import { type Static, Type } from 'typebox';
import { REFERENCE_MAX } from '../../shared/order/event-schemas.ts';
import { REPORTED_OUTCOMES, type ReportedOutcome } from '../../shared/order/events.ts';
import { ORDER_STATUSES, type OrderStatus } from '../../shared/order/lifecycle.ts';
import { describedOnly } from './described.ts';
import { EXAMPLE_ORDER, OrderRef, orNull } from './order.ts';
import { LINES_ONCE, orderLines } from './submission.ts';

export const REASON_MAX = 200;

const Reason = Type.Optional(
  Type.String({
    maxLength: REASON_MAX,
    description: 'Why; recorded in the log for ever, so no personal data.',
    examples: ['Ordered twice'],
  }),
);

export const StatusChange = Type.Object(
  {
    status: Type.Unsafe<OrderStatus>({
      type: 'string',
      enum: [...ORDER_STATUSES],
      description: '`processing`, `completed` or `cancelled`; the status that the order has already is accepted and changes nothing.',
    }),
    reason: Reason,
  },
  { additionalProperties: false, examples: [{ status: 'completed' }] },
);

export const Cancellation = Type.Object({ reason: Reason }, { additionalProperties: false, examples: [{ reason: 'Ordered twice' }] });

export const Amendment = Type.Object(orderLines, {
  additionalProperties: false,
  ...describedOnly(LINES_ONCE),
  examples: [{ items: [{ product_id: '5', quantity: 3 }], total_amount: 149.5 }],
});
export type Amendment = Static<typeof Amendment>;

const DETAIL_MAX = 200;

export const FulfilmentReport = Type.Object(
  {
    outcome: Type.Unsafe<ReportedOutcome>({
      type: 'string',
      enum: [...REPORTED_OUTCOMES],
      description: '`done` completes the order, `failed` parks it.',
    }),
    code: Type.Optional(
      Type.String({
        pattern: '^[A-Z][A-Z0-9_]{0,63}$',
        description: 'Why it failed; the code of the parked order. `FULFILMENT_FAILED` unless given; with `done` it is only recorded.',
        examples: ['OUT_OF_PACKAGING'],
      }),
    ),
    detail: Type.Optional(
      Type.String({ maxLength: DETAIL_MAX, description: 'The same for people; recorded in the log for ever, so no personal data.' }),
    ),
    reference: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: REFERENCE_MAX,
        description: 'The `reference` of the answer 202. Another one than the order was accepted with is 409.',
        examples: ['job-7'],
      }),
    ),
  },
  { additionalProperties: false, examples: [{ outcome: 'done' }, { outcome: 'failed', code: 'OUT_OF_PACKAGING', reference: 'job-7' }] },
);

export const Nothing = Type.Object({}, { additionalProperties: false, examples: [{}] });

export const Changed = Type.Object({ message: Type.String(), order: OrderRef }, { additionalProperties: false });
export const EXAMPLE_CHANGED = { message: 'Order status updated successfully', order: EXAMPLE_ORDER };

export const Asked = Type.Object(
  { message: Type.String(), order_id: Type.String(), request_id: Type.String() },
  { additionalProperties: false },
);
export const EXAMPLE_ASKED = {
  message: 'Request accepted',
  order_id: EXAMPLE_ORDER.order_id,
  request_id: '0199a1f0-8000-7000-8000-3f5d2c8e6a11',
};

export const RequestPath = Type.Object(
  { order_id: Type.String(), request_id: Type.String({ minLength: 1, maxLength: 200 }) },
  { additionalProperties: false },
);
export const REQUEST_STATES = ['pending', 'applied', 'refused'] as const;
export const RequestState = Type.Object(
  {
    request_id: Type.String(),
    state: Type.Unsafe<(typeof REQUEST_STATES)[number]>({ type: 'string', enum: [...REQUEST_STATES] }),
    code: orNull(Type.String({ description: 'Why it was refused.' })),
    order_id: Type.String(),
  },
  { additionalProperties: false },
);
export const EXAMPLE_REQUEST = { request_id: EXAMPLE_ASKED.request_id, state: 'applied', code: null, order_id: EXAMPLE_ORDER.order_id };
