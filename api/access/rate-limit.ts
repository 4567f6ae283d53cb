// api/access/rate-limit.ts: so many requests a second for each caller, whatever the route. Every instance counts for itself. Answers
// carry RateLimit-Limit, -Remaining and -Reset (draft-ietf-httpapi-ratelimit-headers).

import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { Problem } from '../problems.ts';

const WINDOW_MS = 1_000;
// Callers counted within a window; who is pushed out begins anew. 100 bytes each.
const COUNTED_MAX = 20_000;

/** After the caller is known, before routes are added. */
export const limitRates = async (app: FastifyInstance, perSecond: number): Promise<void> => {
  await app.register(rateLimit, {
    max: perSecond,
    timeWindow: WINDOW_MS,
    cache: COUNTED_MAX,
    enableDraftSpec: true,
    hook: 'onRequest',
    // Nobody's requests (signing in, health) count for their address.
    keyGenerator: ({ caller, ip }) => caller?.id ?? ip,
    errorResponseBuilder: () => new Problem('RATE_LIMITED', `More than ${perSecond} requests a second.`),
  });
};
