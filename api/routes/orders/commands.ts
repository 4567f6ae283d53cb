// api/routes/orders/commands.ts: the routes that ask for a change of an order: status, cancellation, items, redrive.
// Each appends one request; the log says what comes of it.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
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
import { Amendment, Asked, Cancellation, Changed, EXAMPLE_ASKED, EXAMPLE_CHANGED, Nothing, StatusChange } from '../../schemas/commands.ts';
import { BODY_OPTIONAL } from '../../schemas/described.ts';
import { CommandHeaders } from '../../schemas/headers.ts';
import { NoQuery, OrderPath } from '../../schemas/queries.ts';
import { jsonResponse, problemResponses, withHeaders } from '../../schemas/responses.ts';
import { etagOf } from '../conditional-reads.ts';

export interface CommandOrderRoutesOptions {
  commandOrder: CommandOrder;
}

const CONDITION =
  'With `If-Match` only if the order still has that version (412 otherwise). With `Idempotency-Key` the same request can be sent again safely: it has one effect, and the first answer is the answer for ever. Without an answer from the processor in time: 202, with where to ask.';
const PROBLEMS = [
  'VALIDATION_FAILED',
  'MALFORMED_JSON',
  'ORDER_NOT_FOUND',
  'NOT_ACCEPTABLE',
  'ILLEGAL_TRANSITION',
  'VERSION_MISMATCH',
  'IDEMPOTENCY_KEY_REUSED',
  'HISTORY_DROPPED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'LOG_UNAVAILABLE',
  'READ_MODEL_UNAVAILABLE',
  'OVERLOADED',
] as const;

const TOKEN = { 'Consistency-Token': 'Give it as `after` to a read, so that it contains what the processor decided.' };

const described = (operationId: string, summary: string, description: string) => ({
  operationId,
  tags: ['Orders'],
  summary,
  description: `${description} ${CONDITION}`,
  params: OrderPath,
  querystring: NoQuery,
  headers: CommandHeaders,
});
const answers = (...more: readonly ('OUT_OF_STOCK' | 'TOTAL_REQUIRED' | 'TOTAL_MISMATCH' | 'PRICE_MISMATCH' | 'UNKNOWN_PRODUCT')[]) => ({
  200: jsonResponse({
    description: 'The order, as the change has made it.',
    schema: Changed,
    example: EXAMPLE_CHANGED,
    headers: {
      ETag: 'The version that the change has made: `"v2"`.',
      ...TOKEN,
      'Idempotent-Replayed': '`true` if an earlier request with this key was answered so.',
    },
  }),
  202: jsonResponse({
    description: 'The request is in the log and not answered yet.',
    schema: Asked,
    example: EXAMPLE_ASKED,
    headers: { Location: 'Where to ask what became of it.', ...TOKEN },
  }),
  ...withHeaders(problemResponses(...PROBLEMS, ...more), ['409', '412', '422'], TOKEN),
});

const statusSchema = {
  ...described(
    'updateOrderStatus',
    'Set the status of an order',
    'To `processing`, `completed` or `cancelled`, where its status allows it.',
  ),
  body: StatusChange,
  response: answers('OUT_OF_STOCK'),
};
const cancelSchema = {
  ...described(
    'cancelOrder',
    'Cancel an order',
    'While it is open. A cancelled order stays cancelled; cancelling it again changes nothing.',
  ),
  ...BODY_OPTIONAL,
  body: Cancellation,
  response: answers(),
};
const amendSchema = {
  ...described(
    'amendOrder',
    'Change what is ordered',
    'Replaces items and total, by the rules of a submission, while the order is pending.',
  ),
  body: Amendment,
  response: answers('TOTAL_REQUIRED', 'TOTAL_MISMATCH', 'PRICE_MISMATCH', 'UNKNOWN_PRODUCT'),
};
const redriveSchema = {
  ...described('redriveOrder', 'Try a parked order again', 'Its fulfilment kept failing and it waits; this lets it go on.'),
  ...BODY_OPTIONAL,
  body: Nothing,
  response: answers(),
};

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
