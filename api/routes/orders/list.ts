// api/routes/orders/list.ts: GET /orders, pages from the read model.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { OrderStatus } from '../../../shared/order/lifecycle.ts';
import { orderView } from '../../../shared/order/order-view.ts';
import { instantOf } from '../../../shared/runtime/instant.ts';
import { cursorOf, readCursor } from '../../http/cursors.ts';
import { ID } from '../../http/ids.ts';
import type { Consistency } from '../../reads/consistency.ts';
import type { ListFilters, ListPosition } from '../../reads/order-list.ts';
import type { ReadModel } from '../../reads/read-model.ts';
import { TokenHeaders } from '../../schemas/headers.ts';
import { EXAMPLE_PAGE, OrderPage } from '../../schemas/order.ts';
import { ListQuerySchema, type ListQueryString } from '../../schemas/queries.ts';
import { jsonResponse, problemResponses } from '../../schemas/responses.ts';
import { awaitToken, PRIVATE } from '../conditional-reads.ts';

export interface ListOrdersOptions {
  readModel: Pick<ReadModel, 'page'>;
  consistency: Consistency;
}

const schema = {
  operationId: 'listOrders',
  tags: ['Orders'],
  summary: 'A page of orders',
  description: 'Newest first unless sorted otherwise. Filters add up. Pages follow the log by some ten milliseconds; see `after`.',
  querystring: ListQuerySchema,
  headers: TokenHeaders,
  response: {
    200: jsonResponse({ description: 'A page.', schema: OrderPage, example: EXAMPLE_PAGE }),
    ...problemResponses('VALIDATION_FAILED', 'INVALID_CURSOR', 'INVALID_TOKEN', 'NOT_ACCEPTABLE', 'OVERLOADED', 'READ_MODEL_UNAVAILABLE'),
  },
};

export const listOrdersRoute: FastifyPluginCallbackTypebox<ListOrdersOptions> = (app, { readModel, consistency }, done) => {
  app.get('/orders', { schema }, async (request, reply) => {
    const { query } = request;
    const filters = filtersOf(query);
    const question = ['orders', filters, query.sort];
    const after = query.cursor === undefined ? null : readCursor(query.cursor, question, isPosition);
    await awaitToken(request, reply, consistency, 'rows');
    // One more than a page tells whether there is a next one.
    const found = await readModel.page({ filters, newestFirst: query.sort === '-created_at', after, limit: query.limit + 1 });
    const page = found.slice(0, query.limit).map(({ order }) => order);
    const last = found.length > query.limit ? page.at(-1) : undefined;
    return reply.header('cache-control', PRIVATE).send({
      orders: page.map(orderView),
      next_cursor:
        last === undefined ? null : cursorOf(question, { createdAt: last.createdAt, orderId: last.orderId } satisfies ListPosition),
    });
  });
  done();
};

export const filtersOf = (query: Omit<ListQueryString, 'limit' | 'cursor'>): ListFilters => ({
  statuses: [...new Set((query.status?.split(',') ?? []) as OrderStatus[])].sort(),
  userId: query.user_id ?? null,
  batchId: query.batch_id ?? null,
  productId: query.product_id ?? null,
  parked: query.parked ?? null,
  createdAfter: query.created_after === undefined ? null : instantOf(query.created_after),
  createdBefore: query.created_before === undefined ? null : instantOf(query.created_before),
});

// The years that can be written; PostgreSQL refuses what lies far beyond.
const CREATED_AT_MAX = Date.UTC(9999, 11, 31);
const isTime = (at: unknown): boolean => Number.isSafeInteger(at) && (at as number) >= 0 && (at as number) <= CREATED_AT_MAX;

const isPosition = (at: unknown): at is ListPosition => {
  if (typeof at !== 'object' || at === null) return false;
  const { createdAt, orderId } = at as Partial<ListPosition>;
  return isTime(createdAt) && typeof orderId === 'string' && ID.test(orderId);
};
