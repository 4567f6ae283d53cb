// api/orders/submission.ts: checks and submits one order, in the same way for POST /orders, import and batches.
// It stands between HTTP and submit-order.ts.

import type { CallContext } from '../access/call-context.ts';
import { type Caller, ownerOf } from '../access/caller.ts';
import { Problem, validationFailed } from '../http/problems.ts';
import { keyReused } from '../requests/idempotency-key.ts';
import type { SubmissionBody } from '../schemas/submission.ts';
import { newOrder, type OwnedBody } from './new-order.ts';
import type { Submission, Submitted } from './submit-order.ts';

/** Throws TWO_KEYS, FORBIDDEN, and what `newOrder` throws. */
export const submissionOf = (body: SubmissionBody, idempotencyKey: string | null, context: CallContext): Submission => {
  if (idempotencyKey !== null && body.order_id !== undefined) {
    throw new Problem('TWO_KEYS', 'Send either Idempotency-Key or order_id: both say which order is meant.');
  }
  return {
    order: newOrder(ownedBy(context.caller, body)),
    caller: context.caller.id,
    actor: context.caller.actor,
    orderId: body.order_id ?? null,
    idempotencyKey,
    correlationId: context.correlationId,
    traceparent: context.traceparent,
  };
};

/** A customer submits for themselves, under ids that the service makes. */
const ownedBy = (caller: Caller, body: SubmissionBody): OwnedBody => {
  const owner = ownerOf(caller);
  if (owner === null) {
    if (body.user_id === undefined) throw validationFailed([{ path: '/user_id', message: 'is required' }]);
    return body as OwnedBody;
  }
  if (body.order_id !== undefined) throw new Problem('FORBIDDEN', 'A customer may not choose the order_id.');
  if (body.user_id !== undefined && String(body.user_id) !== owner) {
    throw new Problem('FORBIDDEN', 'A customer may order for themselves only.');
  }
  return { ...body, user_id: owner };
};

/** What the client is told when no order came of it, or the outcome is unknown. */
export const refusalOf = (result: Exclude<Submitted, { outcome: 'created' | 'pending' }>): Problem => {
  switch (result.outcome) {
    case 'key_reused':
      return keyReused();
    case 'id_taken':
      return new Problem('ORDER_ID_TAKEN', 'There is an order with this order_id.');
    case 'overloaded':
      return new Problem('OVERLOADED', 'Too many orders are open or waiting. Nothing was recorded.');
    case 'unknown':
      return new Problem('LOG_UNAVAILABLE', 'The log did not confirm the order in time: it may or may not exist, now or later.', {
        orderId: result.orderId,
      });
  }
};
