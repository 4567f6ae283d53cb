// api/routes/orders/metrics.ts: GET /orders/metrics.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { Consistency } from '../../reads/consistency.ts';
import { metricsView } from '../../reads/order-metrics.ts';
import type { ReadModel } from '../../reads/read-model.ts';
import { TokenHeaders } from '../../schemas/headers.ts';
import { EXAMPLE_METRICS, MetricsRef } from '../../schemas/metrics.ts';
import { MetricsQuery } from '../../schemas/queries.ts';
import { jsonResponse, problemResponses } from '../../schemas/responses.ts';
import { awaitToken, PRIVATE } from '../conditional-reads.ts';

export interface OrderMetricsOptions {
  readModel: Pick<ReadModel, 'counters'>;
  consistency: Consistency;
  currency: string;
}

const schema = {
  operationId: 'getOrderMetrics',
  tags: ['Orders'],
  summary: 'Orders in numbers',
  description: 'From counters that are kept in the same transaction as the orders themselves.',
  querystring: MetricsQuery,
  headers: TokenHeaders,
  response: {
    200: jsonResponse({ description: 'The numbers.', schema: MetricsRef, example: EXAMPLE_METRICS }),
    ...problemResponses('VALIDATION_FAILED', 'INVALID_TOKEN', 'NOT_ACCEPTABLE', 'READ_MODEL_UNAVAILABLE', 'OVERLOADED'),
  },
};

export const orderMetricsRoute: FastifyPluginCallbackTypebox<OrderMetricsOptions> = (app, { readModel, consistency, currency }, done) => {
  app.get('/orders/metrics', { schema }, async (request, reply) => {
    await awaitToken(request, reply, consistency, 'rows');
    const counters = await readModel.counters(request.query.order_ids ?? request.query.getOrderIds ?? false);
    return reply.header('cache-control', PRIVATE).send(metricsView(counters, currency));
  });
  done();
};
