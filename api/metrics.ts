// api/metrics.ts: the api's series (design section 6).
// Labels come from closed sets: the route is its template, without the prefix that was called.

import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DROP_REASONS, type FeedMetrics } from './feed/connected-clients.ts';
import { API_PREFIX } from './http/app-prefix.ts';
import type { SubmitOrder } from './orders/submit-order.ts';
import { REFUSALS, type Refusal } from './overload/admission.ts';

export const SUBMISSION_OUTCOMES = ['created', 'replayed', 'pending', 'key_reused', 'id_taken', 'overloaded', 'unknown', 'failed'] as const;
export type SubmissionOutcome = (typeof SUBMISSION_OUTCOMES)[number];

export interface ApiMetrics {
  submitted: (outcome: SubmissionOutcome) => void;
  requestRefused: (reason: Refusal) => void;
  feed: FeedMetrics;
  /** Measures the routes that are added to the app from now on. */
  measureRoutes: (app: FastifyInstance) => void;
}

// From the fraction of a millisecond of a read from memory to the five seconds of a bounded wait.
const DURATION_BUCKETS_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const UNMATCHED = 'unmatched';

export const createApiMetrics = (registry: Registry): ApiMetrics => {
  const registers = [registry];
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the request line to the last byte of the answer.',
    labelNames: ['method', 'route', 'status_code'],
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  const submitted = new Counter({
    name: 'orders_submitted_total',
    help: 'Valid submissions of orders, by what became of them.',
    labelNames: ['outcome'],
    registers,
  });
  const refused = new Counter({
    name: 'requests_refused_total',
    help: 'Requests answered 503 before their body was read, by what there was too much of.',
    labelNames: ['reason'],
    registers,
  });
  const feedClients = new Gauge({ name: 'feed_clients', help: 'Open connections of the live feed.', registers });
  const feedFrames = new Counter({ name: 'feed_frames_sent_total', help: 'Frames written to clients of the live feed.', registers });
  const feedDropped = new Counter({
    name: 'feed_clients_dropped_total',
    help: 'Connections of the live feed that we closed.',
    labelNames: ['reason'],
    registers,
  });
  for (const outcome of SUBMISSION_OUTCOMES) submitted.inc({ outcome }, 0);
  for (const reason of REFUSALS) refused.inc({ reason }, 0);
  for (const reason of DROP_REASONS) feedDropped.inc({ reason }, 0);

  const measureRoutes = (app: FastifyInstance): void => {
    // One hook per route: asking the request for its route costs more than everything else here.
    app.addHook('onRoute', (route) => {
      const template = templateOf(route.url);
      const measure: NonNullable<typeof route.onResponse> = (request, reply, done) => {
        durations.observe({ method: request.method, route: template, status_code: reply.statusCode }, reply.elapsedTime / 1000);
        done();
      };
      route.onResponse = [measure, ...[route.onResponse ?? []].flat()];
    });
    app.addHook('onResponse', (request, reply, done) => {
      if (request.is404) {
        durations.observe({ method: request.method, route: UNMATCHED, status_code: reply.statusCode }, reply.elapsedTime / 1000);
      }
      done();
    });
  };

  return {
    submitted: (outcome) => submitted.inc({ outcome }),
    requestRefused: (reason) => refused.inc({ reason }),
    feed: {
      clients: (count) => feedClients.set(count),
      sent: (frames) => feedFrames.inc(frames),
      dropped: (reason) => feedDropped.inc({ reason }),
    },
    measureRoutes,
  };
};

/** The same, with every outcome counted. */
export const countSubmissions =
  (submitOrder: SubmitOrder, submitted: ApiMetrics['submitted']): SubmitOrder =>
  async (submission) => {
    const result = await submitOrder(submission).catch((error: unknown) => {
      submitted('failed');
      throw error;
    });
    submitted(result.outcome === 'created' && result.replayed ? 'replayed' : result.outcome);
    return result;
  };

const templateOf = (url: string): string => {
  const template = url.startsWith(`${API_PREFIX}/`) ? url.slice(API_PREFIX.length) : url;
  return template.length > 1 && template.endsWith('/') ? template.slice(0, -1) : template;
};
