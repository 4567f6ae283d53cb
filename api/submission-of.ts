// api/submission-of.ts: between HTTP and submit-order.ts, for everything that submits orders: POST /orders, the lines of an
// import, the entries of a batch. One order is checked, and refused, in the same way wherever it comes from.

import type { FastifyRequest } from 'fastify';
import { type Caller, caller } from './caller.ts';
import { newOrder } from './new-order.ts';
import { Problem } from './problems.ts';
import type { Submission as SubmissionBody } from './schemas/submission.ts';
import type { Submission, Submitted } from './submit-order.ts';

/** What all records of one HTTP request have in common. */
export interface SubmissionContext {
  caller: Caller;
  correlationId: string | null;
  traceparent: string | null;
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export const contextOf = (request: FastifyRequest): SubmissionContext => {
  const { traceparent } = request.headers;
  return {
    caller: caller(),
    correlationId: request.id,
    traceparent: typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : null,
  };
};

/** Throws TWO_KEYS, and what `newOrder` throws. */
export const submissionOf = (body: SubmissionBody, idempotencyKey: string | null, context: SubmissionContext): Submission => {
  if (idempotencyKey !== null && body.order_id !== undefined) {
    throw new Problem('TWO_KEYS', 'Send either Idempotency-Key or order_id: both say which order is meant.');
  }
  return {
    order: newOrder(body),
    caller: context.caller.id,
    actor: context.caller.actor,
    orderId: body.order_id ?? null,
    idempotencyKey,
    correlationId: context.correlationId,
    traceparent: context.traceparent,
  };
};

/** What the caller is told when no order came of it, or nobody knows. */
export const refusalOf = (result: Exclude<Submitted, { outcome: 'created' | 'pending' }>): Problem => {
  switch (result.outcome) {
    case 'key_reused':
      return new Problem('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used for another command.');
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
