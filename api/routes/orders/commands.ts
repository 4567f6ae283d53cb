// api/routes/orders/commands.ts: the routes that ask for a change of an order: status, cancellation, items, redrive, and
// the end of fulfilment that answers later.
// Each appends one request; the log says what comes of it.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FULFILMENT_FAILED } from '../../../shared/order/decider.ts';
import { orderView } from '../../../shared/order/order-view.ts';
import { callContextOf } from '../../access/call-context.ts';
import { readJsonBodies } from '../../http/bodies/json-bodies.ts';
import { readIfMatch } from '../../http/preconditions.ts';
import { isProblemCode, Problem } from '../../http/problems.ts';
import type { CommandOrder } from '../../orders/command-order.ts';
import { newLines } from '../../orders/new-order.ts';
import type { AskedChange, Commanded } from '../../orders/requested-change.ts';
import { consistencyToken } from '../../reads/consistency.ts';
import { idempotencyKeyOf, keyReused } from '../../requests/idempotency-key.ts';
import type { Amendment } from '../../schemas/commands.ts';
import { etagOf } from '../conditional-reads.ts';
import { amendSchema, cancelSchema, redriveSchema, reportSchema, statusSchema } from './describe-commands.ts';

export interface CommandOrderRoutesOptions {
  commandOrder: CommandOrder;
}

export const commandOrderRoutes: FastifyPluginCallbackTypebox<CommandOrderRoutesOptions> = (app, { commandOrder }, done) => {
  const { prefix } = app;
  // POST without a body is how these two are called by hand, and some clients name JSON all the same; anything else is refused.
  readJsonBodies(app, { empty: () => ({}) });
  app.addHook('preValidation', (request, _reply, next) => {
    if (request.body === undefined && request.headers['content-type'] === undefined) request.body = {};
    next();
  });

  const perform = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { message, asked }: { message: string; asked: AskedChange },
  ): Promise<FastifyReply> => {
    const { order_id: orderId } = request.params as { order_id: string };
    const { caller, correlationId, traceparent } = callContextOf(request);
    const result = await commandOrder({
      orderId,
      ifMatch: readIfMatch(request.headers['if-match']),
      caller: caller.id,
      actor: caller.actor,
      idempotencyKey: idempotencyKeyOf(request.headers['idempotency-key']),
      correlationId,
      traceparent,
      asked,
    });
    if ('replayed' in result && result.replayed) reply.header('idempotent-replayed', 'true');
    return answer(reply, result, { orderId, prefix, message });
  };

  app.put('/orders/:order_id/status', { schema: statusSchema }, (request, reply) => {
    const { status, reason = null } = request.body;
    return perform(request, reply, {
      message: 'Order status updated successfully',
      asked: { name: 'OrderStatusChangeRequested', data: { status, reason } },
    });
  });

  app.post('/orders/:order_id/cancel', { schema: cancelSchema }, (request, reply) => {
    const { reason = null } = request.body;
    return perform(request, reply, {
      message: 'Order cancelled',
      asked: { name: 'OrderCancellationRequested', data: { reason } },
    });
  });

  for (const method of ['PATCH', 'PUT'] as const) {
    // One operation by two names; a document needs two ids.
    const schema = method === 'PATCH' ? amendSchema : { ...amendSchema, operationId: 'replaceOrder' };
    app.route<{ Body: Amendment }>({
      method,
      url: '/orders/:order_id',
      schema,
      handler: (request, reply) =>
        perform(request, reply, {
          message: 'Order amended',
          asked: { name: 'OrderAmendmentRequested', lines: newLines(request.body) },
        }),
    });
  }

  app.post('/orders/:order_id/redrive', { schema: redriveSchema }, (request, reply) =>
    perform(request, reply, {
      message: 'Order redriven',
      asked: { name: 'OrderRedriveRequested', data: {} },
    }),
  );

  app.post('/orders/:order_id/fulfilment', { schema: reportSchema }, (request, reply) => {
    const { outcome, detail = null, reference = null } = request.body;
    const { code = outcome === 'failed' ? FULFILMENT_FAILED : null } = request.body;
    return perform(request, reply, {
      message: 'Fulfilment reported',
      asked: { name: 'OrderFulfilmentReported', data: { outcome, code, detail, reference } },
    });
  });
  done();
};

const answer = (reply: FastifyReply, result: Commanded, to: { orderId: string; prefix: string; message: string }): FastifyReply => {
  switch (result.outcome) {
    case 'applied':
    case 'unchanged':
      reply.header('consistency-token', consistencyToken(result.place));
      return reply.header('etag', etagOf(result.order)).send({ message: to.message, order: orderView(result.order) });
    case 'pending':
      return reply
        .code(202)
        .header('location', `${to.prefix}/orders/${to.orderId}/requests/${result.requestId}`)
        .header('consistency-token', consistencyToken(result.place))
        .send({ message: 'Request accepted', order_id: to.orderId, request_id: result.requestId });
    case 'key_reused':
      throw keyReused();
    case 'not_found':
      throw new Problem('ORDER_NOT_FOUND', `There is no order ${to.orderId}.`);
    case 'refused': {
      // A newer processor may know reasons that we do not: they say that it could not be done.
      const code = isProblemCode(result.code) ? result.code : 'ILLEGAL_TRANSITION';
      const headers: Record<string, string> = result.place === null ? {} : { 'consistency-token': consistencyToken(result.place) };
      throw new Problem(code, result.detail, { headers });
    }
    case 'unknown':
      throw new Problem('LOG_UNAVAILABLE', 'The log did not confirm the request in time: it may or may not be answered, now or later.', {
        requestId: result.requestId,
      });
  }
};
