// api/overload/admit-requests.ts: asks admission.ts about every request before its body is read, once the caller is known.
// Only authorised callers use capacity; a caller over its rate limit gets 429 before. What an operator needs under overload always passes.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { bodyBytesMax, ruleOf } from '../access/operations.ts';
import { Problem } from '../http/problems.ts';
import { type Admission, BODY_BYTES_IN_FLIGHT_MAX, IN_FLIGHT_MAX, type Refusal } from './admission.ts';

/** After the hooks that say who the caller is, before routes are added. */
export const admitRequests = (app: FastifyInstance, admission: Pick<Admission, 'begin' | 'end'>): void => {
  app.addHook('onRoute', (route) => {
    const rule = ruleOf((route.schema as { operationId?: unknown } | undefined)?.operationId);
    if (rule === null || rule.work === 'free' || rule.work === 'watch') return; // pages of the reference have no operation
    const kind = rule.work;
    const bodyMax = bodyBytesMax(rule);
    const admit: NonNullable<typeof route.onRequest> = (request, reply, done) => {
      const bytes = bodyBytesOf(request, bodyMax);
      const refusal = admission.begin(kind, bytes);
      if (refusal !== null) return done(REFUSED[refusal]);
      reply.raw.once('close', () => admission.end(kind, bytes)); // answered, or the caller went away
      done();
    };
    route.onRequest = [...[route.onRequest ?? []].flat(), admit];
  });
};

/** As the head announces it: Node reads no more than that. One that does not say how long it is counts as much as it may be. */
const bodyBytesOf = ({ headers }: FastifyRequest, max: number): number => {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers;
  if (length === undefined) return encoding === undefined ? 0 : max;
  return Math.min(Number(length), max);
};

// Made once: the stack trace of an error costs more than everything else about a refusal.
const refused = (detail: string): Problem => new Problem('OVERLOADED', `${detail} Nothing was recorded.`);
const REFUSED: Readonly<Record<Refusal, Problem>> = {
  rate: refused('Too many orders and changes per second for this instance.'),
  in_flight: refused(`Too many requests in flight (limit: ${IN_FLIGHT_MAX.append} writes, ${IN_FLIGHT_MAX.read} reads).`),
  body_bytes: refused(`Too many request bodies in flight (limit: ${BODY_BYTES_IN_FLIGHT_MAX / 1_000_000} MB).`),
};
