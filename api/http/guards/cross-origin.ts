// api/http/guards/cross-origin.ts: which web pages may call the api: its own, and with AUTH=required those of CORS_ORIGINS.
// A browser names the page that asks in `Origin`; other clients send none and are not concerned.

import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problems.ts';

const ALLOWED_METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const ALLOWED_HEADERS = 'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Consistency-Token, X-Request-Id';
const EXPOSED_HEADERS =
  'Location, ETag, Consistency-Token, Consistency, Idempotent-Replayed, X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset';
// Chromium's own limit.
const PREFLIGHT_MAX_AGE_S = 7_200;

/** Tells the browser of a page that may call us that it may read the answer, whatever that will be. */
export const announceOrigin = (request: FastifyRequest, reply: FastifyReply, allowed: ReadonlySet<string>): void => {
  const { origin, host } = request.headers;
  if (allowed.size > 0) reply.header('vary', 'Origin');
  if (origin === undefined || isOurs(origin, host) || !allowed.has(origin)) return;
  reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', EXPOSED_HEADERS);
};

/**
 * Why the page may not call us, or null. A foreign page is refused even where its browser would keep the answer from it: what it asked for
 * would have been done, with a Basic password that the browser remembers.
 */
export const whyForeign = ({ headers: { origin, host } }: FastifyRequest, allowed: ReadonlySet<string>): Problem | null =>
  origin === undefined || isOurs(origin, host) || allowed.has(origin)
    ? null
    : new Problem('FORBIDDEN', 'Origin must be that of this service, or one that it allows.');

/** The question that a browser puts before it sends more than a plain form could. */
export const isPreflight = ({ method, headers }: FastifyRequest): boolean =>
  method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;

export const answerPreflight = (reply: FastifyReply): void => {
  reply
    .code(204)
    .header('access-control-allow-methods', ALLOWED_METHODS)
    .header('access-control-allow-headers', ALLOWED_HEADERS)
    .header('access-control-max-age', PREFLIGHT_MAX_AGE_S)
    .send();
};

/** The api does not know the scheme: TLS may end at a proxy in front of it. */
const isOurs = (origin: string, host: string | undefined): boolean => origin === `http://${host}` || origin === `https://${host}`;
