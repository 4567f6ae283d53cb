// api/routes/metrics.ts: GET /metrics: Prometheus text, or the numbers of /orders/metrics for a client that asks for JSON.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { Registry } from 'prom-client';
import { quality } from '../http/guards/http-guard.ts';
import { Problem } from '../http/problems.ts';
import { metricsView } from '../reads/order-metrics.ts';
import type { ReadModel } from '../reads/read-model.ts';
import { EXAMPLE_METRICS, MetricsRef } from '../schemas/metrics.ts';
import { NoQuery } from '../schemas/queries.ts';
import { problemResponses } from '../schemas/responses.ts';

export interface MetricsOptions {
  registry: Registry;
  readModel: Pick<ReadModel, 'counters'>;
  currency: string;
}

const schema = {
  operationId: 'getMetrics',
  tags: ['Operation'],
  summary: 'Metrics for Prometheus, or orders in numbers',
  description: 'Prometheus text by default and for `*/*`. With `Accept: application/json` the body of /orders/metrics.',
  querystring: NoQuery,
  response: {
    200: {
      description: 'The metrics.',
      content: { 'text/plain': { schema: { type: 'string' } }, 'application/json': { schema: MetricsRef, example: EXAMPLE_METRICS } },
    },
    ...problemResponses('VALIDATION_FAILED', 'NOT_ACCEPTABLE', 'READ_MODEL_UNAVAILABLE'),
  },
};

export const metricsRoute: FastifyPluginCallbackTypebox<MetricsOptions> = (app, { registry, readModel, currency }, done) => {
  app.get('/metrics', { schema }, async (request, reply) => {
    const form = wanted(request.headers.accept ?? '*/*');
    if (form === null)
      throw new Problem('NOT_ACCEPTABLE', 'This route answers text/plain or application/json.', { headers: { vary: 'Accept' } });
    reply.header('vary', 'Accept').header('cache-control', 'no-store');
    if (form === 'json') return reply.send(metricsView(await readModel.counters(false), currency));
    return reply.type(registry.contentType).send(await registry.metrics());
  });
  done();
};

/** JSON only for who names it and does not like text better: a scraper that takes anything gets what scrapers read. */
const wanted = (accept: string): 'json' | 'text' | null => {
  const json = quality(accept, 'application/json', { explicit: true });
  if (json > 0 && json >= quality(accept, 'text/plain', { explicit: true })) return 'json';
  const text = Math.max(quality(accept, 'text/plain'), quality(accept, 'application/openmetrics-text'));
  if (text > 0) return 'text';
  return quality(accept, 'application/json') > 0 ? 'json' : null;
};
