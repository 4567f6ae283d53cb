// api/routes/orders/read.ts: GET /orders/:order_id, its status and its events, always as of now (R7).

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { iso, orderView } from '../../../shared/order/order-view.ts';
import type { StoredOrder } from '../../../shared/postgres/tables/order-rows.ts';
import { instantOf } from '../../../shared/runtime/instant.ts';
import { type Caller, callerOf } from '../../access/caller.ts';
import { cursorOf, readCursor } from '../../http/cursors.ts';
import { noneMatchHolds } from '../../http/preconditions.ts';
import { Problem } from '../../http/problems.ts';
import type { Consistency } from '../../reads/consistency.ts';
import { eventView, type OrderEvents } from '../../reads/order-history.ts';
import type { ReadOrder } from '../../reads/read-order.ts';
import type { LoggedEvent } from '../../reads/tail-memory.ts';
import { ConditionalHeaders, TokenHeaders } from '../../schemas/headers.ts';
import { EventPage, EXAMPLE_EVENTS, EXAMPLE_ORDER, EXAMPLE_STATUS, OrderRef, OrderStatusView } from '../../schemas/order.ts';
import { EventsQuery, OrderAtQuery, OrderPath, OrderQuery } from '../../schemas/queries.ts';
import { emptyResponse, jsonResponse, problemResponses } from '../../schemas/responses.ts';
import { awaitToken, etagOf, PRIVATE } from '../conditional-reads.ts';

export interface ReadOrderRoutesOptions {
  topic: string;
  orders: Pick<ReadOrder, 'fresh'>;
  events: Pick<OrderEvents, 'page' | 'asOf'>;
  consistency: Consistency;
}

const tags = ['Orders'];
const PROBLEMS = [
  'VALIDATION_FAILED',
  'INVALID_TOKEN',
  'ORDER_NOT_FOUND',
  'NOT_ACCEPTABLE',
  'LOG_UNAVAILABLE',
  'READ_MODEL_UNAVAILABLE',
  'OVERLOADED',
] as const;

const VERSION = { ETag: 'The version: `"v2"`.' };

const orderSchema = {
  operationId: 'getOrder',
  tags,
  summary: 'One order',
  description:
    'As of now: an order can be read right after its 201, on every instance. Send its ETag as `If-None-Match` to get 304 while it has not changed. With `at`, as it was then.',
  params: OrderPath,
  querystring: OrderAtQuery,
  headers: ConditionalHeaders,
  response: {
    200: jsonResponse({ description: 'The order.', schema: OrderRef, example: EXAMPLE_ORDER, headers: VERSION }),
    304: emptyResponse('The order still has the version of If-None-Match.', VERSION),
    ...problemResponses(...PROBLEMS, 'HISTORY_DROPPED'),
  },
};
export const orderStatusSchema = {
  operationId: 'getOrderStatus',
  tags,
  summary: 'The status of one order',
  params: OrderPath,
  querystring: OrderQuery,
  headers: TokenHeaders,
  response: {
    200: jsonResponse({ description: 'The status.', schema: OrderStatusView, example: EXAMPLE_STATUS }),
    ...problemResponses(...PROBLEMS),
  },
};
const eventsSchema = {
  operationId: 'listOrderEvents',
  tags,
  summary: 'Everything that the log has about one order',
  description:
    'In log order, void events included: facts that arbitration passed over, for instance the second copy of an append with an unknown outcome. A customer is shown the applied facts and their own requests.',
  params: OrderPath,
  querystring: EventsQuery,
  headers: TokenHeaders,
  response: {
    200: jsonResponse({ description: 'A page of events.', schema: EventPage, example: EXAMPLE_EVENTS }),
    ...problemResponses(...PROBLEMS, 'INVALID_CURSOR', 'HISTORY_DROPPED'),
  },
};

export const readOrderRoutes: FastifyPluginCallbackTypebox<ReadOrderRoutesOptions> = (app, options, done) => {
  const { orders, consistency, topic } = options;

  const found = async (orderId: string): Promise<StoredOrder> => {
    const order = await orders.fresh(orderId);
    if (order === null) throw new Problem('ORDER_NOT_FOUND', `There is no order ${orderId}.`);
    return order;
  };

  app.get('/orders/:order_id', { schema: orderSchema }, async (request, reply) => {
    await awaitToken(request, reply, consistency, 'order');
    const { at } = request.query;
    const stored = await found(request.params.order_id);
    const order = at === undefined ? stored.order : await options.events.asOf(stored, instantOf(at)!);
    if (order === null) throw new Problem('ORDER_NOT_FOUND', `There was no order ${request.params.order_id} at ${at}.`);
    const etag = etagOf(order);
    reply.header('etag', etag).header('cache-control', PRIVATE);
    if (!noneMatchHolds(request.headers['if-none-match'], etag)) return reply.code(304).send();
    return reply.send(orderView(order));
  });

  app.get('/orders/:order_id/status', { schema: orderStatusSchema }, async (request, reply) => {
    await awaitToken(request, reply, consistency, 'order');
    const { orderId, status, version, updatedAt } = (await found(request.params.order_id)).order;
    return reply.header('cache-control', PRIVATE).send({ order_id: orderId, status, version, updated_at: iso(updatedAt) });
  });

  app.get('/orders/:order_id/events', { schema: eventsSchema }, async (request, reply) => {
    const { limit, cursor } = request.query;
    const question = ['events', request.params.order_id];
    const from = cursor === undefined ? 0 : readCursor(cursor, question, isOffset);
    await awaitToken(request, reply, consistency, 'order');
    const order = await found(request.params.order_id);
    const page = await options.events.page(order, from, limit + 1, shownTo(callerOf(request)));
    const next = page[limit];
    return reply.header('cache-control', PRIVATE).send({
      order_id: order.order.orderId,
      events: page.slice(0, limit).map((event) => eventView(topic, event)),
      next_cursor: next === undefined ? null : cursorOf(question, next.offset),
    });
  });
  done();
};

/** A customer sees what became of the order and what they asked for; how the service came to it is the operators'. */
const shownTo =
  ({ role, actor }: Caller) =>
  ({ event, effect }: LoggedEvent): boolean =>
    role !== 'customer' || effect === 'applied' || (effect === 'request' && event.actor === actor);

const isOffset = (at: unknown): at is number => Number.isSafeInteger(at) && (at as number) >= 0;
