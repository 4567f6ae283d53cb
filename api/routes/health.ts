// api/routes/health.ts: GET /health/live and /health/ready.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { type HealthCheck, readiness } from '../../shared/runtime/health.ts';
import { EXAMPLE_HEALTH, HealthRef } from '../schemas/metrics.ts';
import { NoQuery } from '../schemas/queries.ts';
import { jsonResponse, problemResponses } from '../schemas/responses.ts';

export interface HealthOptions {
  checks: Readonly<Record<string, HealthCheck>>;
}

const tags = ['Operation'];
const PROBLEMS = problemResponses('VALIDATION_FAILED', 'NOT_ACCEPTABLE');
const ok = jsonResponse({ description: 'Yes.', schema: HealthRef, example: EXAMPLE_HEALTH });
const notNow = jsonResponse({ description: 'Not now; `checks` says why.', schema: HealthRef });
const live = {
  operationId: 'getLiveness',
  tags,
  summary: 'Does the process run?',
  querystring: NoQuery,
  response: { 200: ok, ...PROBLEMS },
};
const ready = {
  operationId: 'getReadiness',
  tags,
  summary: 'Can the process do its work?',
  description:
    'Log and database answer, the topics are as they have to be, and the tail of the log has been read up to where it ended when the process started.',
  querystring: NoQuery,
  response: { 200: ok, 503: notNow, ...PROBLEMS },
};

export const healthRoutes: FastifyPluginCallbackTypebox<HealthOptions> = (app, { checks }, done) => {
  app.get('/health/live', { schema: live }, async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'ok', checks: {} }),
  );
  app.get('/health/ready', { schema: ready }, async (_request, reply) => {
    const report = readiness(checks);
    return reply
      .code(report.status === 'ok' ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(report);
  });
  done();
};
