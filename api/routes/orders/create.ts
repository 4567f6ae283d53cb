// api/routes/orders/create.ts: POST /orders.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import { evolve } from '../../../shared/order/order.ts';
import { type OrderView, orderView } from '../../../shared/order/order-view.ts';
import { callContextOf } from '../../access/call-context.ts';
import { refusalOf, submissionOf } from '../../orders/submission.ts';
import type { SubmitOrder, Submitted } from '../../orders/submit-order.ts';
import { consistencyToken } from '../../reads/consistency.ts';
import { idempotencyKeyOf } from '../../requests/idempotency-key.ts';
import { KeyHeaders } from '../../schemas/headers.ts';
import { Accepted, Created, EXAMPLE_ACCEPTED, EXAMPLE_CREATED } from '../../schemas/order.ts';
import { NoQuery } from '../../schemas/queries.ts';
import { jsonResponse, problemResponses } from '../../schemas/responses.ts';
import { SubmissionBody } from '../../schemas/submission.ts';

export interface CreateOrderOptions {
  submitOrder: SubmitOrder;
}

const JSON_TYPE = 'application/json; charset=utf-8';

const TOKEN = { 'Consistency-Token': 'Give it as `after` to a list or to the metrics, so that they contain this order.' };

export const createOrderSchema = {
  operationId: 'createOrder',
  tags: ['Orders'],
  summary: 'Submit an order',
  description:
    'Answers once every in-sync replica of the log has the order. With the header `Idempotency-Key` (1 to 255 printable characters) the same request can be sent again safely: it makes one order and is answered with the same bytes, plus `Idempotent-Replayed: true`.',
  headers: KeyHeaders,
  querystring: NoQuery,
  body: SubmissionBody,
  response: {
    201: jsonResponse({
      description: 'The order exists.',
      schema: Created,
      example: EXAMPLE_CREATED,
      headers: {
        Location: 'Where the order can be read.',
        ...TOKEN,
      },
    }),
    202: jsonResponse({
      description: 'The order is in the log, but whether it was the first with its id could not be read back in time.',
      schema: Accepted,
      example: EXAMPLE_ACCEPTED,
      headers: { Location: 'Where the order can be read.', ...TOKEN },
    }),
    ...problemResponses(
      'VALIDATION_FAILED',
      'MALFORMED_JSON',
      'TWO_KEYS',
      'NOT_ACCEPTABLE',
      'ORDER_ID_TAKEN',
      'HISTORY_DROPPED',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'IDEMPOTENCY_KEY_REUSED',
      'TOTAL_MISMATCH',
      'TOTAL_REQUIRED',
      'PRICE_MISMATCH',
      'UNKNOWN_PRODUCT',
      'LOG_UNAVAILABLE',
      'READ_MODEL_UNAVAILABLE',
      'OVERLOADED',
    ),
  },
};

export const createOrderRoute: FastifyPluginCallbackTypebox<CreateOrderOptions> = (app, { submitOrder }, done) => {
  const { prefix } = app;
  app.post('/orders', { schema: createOrderSchema }, async (request, reply) => {
    const submission = submissionOf(request.body, idempotencyKeyOf(request.headers['idempotency-key']), callContextOf(request));
    return answerSubmission(await submitOrder(submission), reply, prefix, FORM);
  });
  done();
};

/** In which words a submission is answered. They follow from the order as it was created, so that every replay gives the same bytes. */
export interface SubmissionForm {
  status: 200 | 201;
  created: (order: OrderView) => object;
  /** Its creation is in the log, and could not be read back in time. */
  accepted: (orderId: string) => object;
}

const FORM: SubmissionForm = {
  status: 201,
  created: (order) => ({ message: 'Order created', order_id: order.order_id, order }),
  accepted: (orderId) => ({ message: 'Order accepted', order_id: orderId }),
};

/** Sends the answer. Throws what `refusalOf` says. */
export const answerSubmission = (result: Submitted, reply: FastifyReply, prefix: string, form: SubmissionForm): FastifyReply => {
  switch (result.outcome) {
    case 'created': {
      const { created, place, replayed } = result;
      const order = orderView(evolve(null, created).order!);
      if (replayed) reply.header('idempotent-replayed', 'true');
      return reply
        .code(form.status)
        .header('location', `${prefix}/orders/${order.order_id}`)
        .header('consistency-token', consistencyToken(place))
        .type(JSON_TYPE)
        .send(JSON.stringify(form.created(order)));
    }
    case 'pending':
      return reply
        .code(202)
        .header('location', `${prefix}/orders/${result.orderId}`)
        .header('consistency-token', consistencyToken(result.place))
        .type(JSON_TYPE)
        .send(JSON.stringify(form.accepted(result.orderId)));
    default:
      throw refusalOf(result);
  }
};
