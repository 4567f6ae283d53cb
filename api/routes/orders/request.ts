// api/routes/orders/request.ts: GET /orders/:order_id/requests/:request_id: what became of a command that was answered with 202.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { callerOf } from '../../access/caller.ts';
import { Problem } from '../../http/problems.ts';
import type { OrderEvents } from '../../reads/order-history.ts';
import type { ReadOrder } from '../../reads/read-order.ts';
import { EXAMPLE_REQUEST, RequestPath, RequestState } from '../../schemas/commands.ts';
import { NoQuery } from '../../schemas/queries.ts';
import { jsonResponse, problemResponses } from '../../schemas/responses.ts';
import { PRIVATE } from '../conditional-reads.ts';

export interface OrderRequestRouteOptions {
  orders: Pick<ReadOrder, 'fresh' | 'caughtUp'>;
  events: Pick<OrderEvents, 'requestOf'>;
}

const schema = {
  operationId: 'getOrderRequest',
  tags: ['Orders'],
  summary: 'What became of a request',
  description: 'As of now. A request has one answer for ever: the first record in the log that answers it and has an effect.',
  params: RequestPath,
  querystring: NoQuery,
  response: {
    200: jsonResponse({ description: 'Its state.', schema: RequestState, example: EXAMPLE_REQUEST }),
    ...problemResponses(
      'VALIDATION_FAILED',
      'ORDER_NOT_FOUND',
      'REQUEST_NOT_FOUND',
      'HISTORY_DROPPED',
      'NOT_ACCEPTABLE',
      'OVERLOADED',
      'LOG_UNAVAILABLE',
      'READ_MODEL_UNAVAILABLE',
    ),
  },
};

export const orderRequestRoute: FastifyPluginCallbackTypebox<OrderRequestRouteOptions> = (app, { orders, events }, done) => {
  app.get('/orders/:order_id/requests/:request_id', { schema }, async (request, reply) => {
    const { order_id: orderId, request_id: requestId } = request.params;
    await orders.caughtUp(orderId);
    const order = await orders.fresh(orderId);
    if (order === null) throw new Problem('ORDER_NOT_FOUND', `There is no order ${orderId}.`);
    const found = await events.requestOf(order, requestId);
    // A customer sees their own requests only.
    const { role, actor } = callerOf(request);
    if (found === null || (role === 'customer' && found.request.actor !== actor))
      throw new Problem('REQUEST_NOT_FOUND', `There is no request ${requestId} for the order ${orderId}.`);
    const answer = found.answer?.event ?? null;
    const state = answer === null ? 'pending' : answer.kind === 'refusal' ? 'refused' : 'applied';
    const code = answer?.kind === 'refusal' ? answer.data.code : null;
    return reply.header('cache-control', PRIVATE).send({ request_id: requestId, state, code, order_id: orderId });
  });
  done();
};
