// api/routes/orders/as-before.ts: POST /order and GET /order/:order_id, with the answers of a service that this one replaces.
// They submit and read exactly as the routes under /orders do, for clients that have not been changed yet (docs/migration.md).

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { OrderStatus } from '../../../shared/order/lifecycle.ts';
import { callContextOf } from '../../access/call-context.ts';
import { Problem } from '../../http/problems.ts';
import { submissionOf } from '../../orders/submission.ts';
import type { SubmitOrder } from '../../orders/submit-order.ts';
import type { Consistency } from '../../reads/consistency.ts';
import type { ReadOrder } from '../../reads/read-order.ts';
import { idempotencyKeyOf } from '../../requests/idempotency-key.ts';
import { EXAMPLE_CREATED_AS_BEFORE, EXAMPLE_STATUS_AS_BEFORE, STATUS_WORDS, StatusAsBefore } from '../../schemas/order.ts';
import { jsonResponse } from '../../schemas/responses.ts';
import { awaitToken, PRIVATE } from '../conditional-reads.ts';
import { answerSubmission, createOrderSchema, type SubmissionForm } from './create.ts';
import { orderStatusSchema } from './read.ts';

export interface OrdersAsBeforeOptions {
  submitOrder: SubmitOrder;
  orders: Pick<ReadOrder, 'fresh'>;
  consistency: Consistency;
}

const view = (orderId: string, status: OrderStatus) => ({ order_id: orderId, order_status: STATUS_WORDS[status] });

const FORM: SubmissionForm = {
  status: 200,
  created: ({ order_id, status }) => view(order_id, status),
  accepted: (orderId) => view(orderId, 'pending'),
};

const { content } = jsonResponse({ description: '', schema: StatusAsBefore, example: EXAMPLE_CREATED_AS_BEFORE });
const { 201: created, 202: accepted, ...refused } = createOrderSchema.response;
const createSchema = {
  ...createOrderSchema,
  operationId: 'createOrderAsBefore',
  summary: 'Submit an order, answered as before',
  description:
    'POST /orders with the answer of a service that this one replaces: 200, `order_id` and `order_status`. New clients use POST /orders.',
  deprecated: true,
  response: {
    200: { ...created, content },
    202: { ...accepted, content },
    ...refused,
  },
};

const readSchema = {
  ...orderStatusSchema,
  operationId: 'getOrderAsBefore',
  summary: 'The status of one order, answered as before',
  description: 'GET /orders/{order_id}/status with the fields of a service that this one replaces. New clients use that.',
  deprecated: true,
  response: {
    ...orderStatusSchema.response,
    200: jsonResponse({ description: 'The status.', schema: StatusAsBefore, example: EXAMPLE_STATUS_AS_BEFORE }),
  },
};

export const ordersAsBeforeRoutes: FastifyPluginCallbackTypebox<OrdersAsBeforeOptions> = (app, options, done) => {
  const { submitOrder, orders, consistency } = options;
  const { prefix } = app;

  app.post('/order', { schema: createSchema }, async (request, reply) => {
    const key = idempotencyKeyOf(request.headers['idempotency-key']);
    return answerSubmission(await submitOrder(submissionOf(request.body, key, callContextOf(request))), reply, prefix, FORM);
  });

  app.get('/order/:order_id', { schema: readSchema }, async (request, reply) => {
    await awaitToken(request, reply, consistency, 'order');
    const found = await orders.fresh(request.params.order_id);
    if (found === null) throw new Problem('ORDER_NOT_FOUND', `There is no order ${request.params.order_id}.`);
    return reply.header('cache-control', PRIVATE).send(view(found.order.orderId, found.order.status));
  });
  done();
};
