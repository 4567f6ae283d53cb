// api/access/limits/rate-limit.ts: limits the requests per second of each caller, over all routes, per instance.
// A request of a caller whom memory does not know counts for its source, before anything is looked up about it. Answers carry
// RateLimit-Limit, -Remaining and -Reset (draft-ietf-httpapi-ratelimit-headers, up to version 06).

import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { LRUCache } from 'lru-cache';
import { Problem } from '../../http/problems.ts';
import { ruleOf } from '../operations.ts';
import { sourceOf } from './source.ts';

export interface RateLimitOptions {
  perSecond: number;
  /** The id of the caller that a header Authorization stands for, by what is in memory; null: that would have to be looked up. */
  remembered: (authorization: string) => string | null;
  isMetricsToken: (authorization: string | undefined) => boolean;
  /** Milliseconds that only grow. */
  now?: () => number;
}

/** Two hooks `onRequest`. */
export interface RateLimit {
  /** Before anything is looked up or refused. */
  beforeLookUp: onRequestHookHandler;
  /** When the caller is known. */
  onceKnown: onRequestHookHandler;
}

interface Window {
  count: number;
  endsAt: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Where it was counted first: for a caller, or for its source (`callerId` is null). Null: it is not counted. */
    counted: { callerId: string | null; window: Window } | null;
  }
}

const WINDOW_MS = 1_000;
// Callers, and as many sources, counted within a window; one that is pushed out starts at zero. Some 200 bytes each. A flood from many
// sources pushes no caller out.
const COUNTED_MAX = 20_000;

export const createRateLimit = ({ perSecond, remembered, isMetricsToken, now = () => performance.now() }: RateLimitOptions): RateLimit => {
  const callers = new LRUCache<string, Window>({ max: COUNTED_MAX });
  const sources = new LRUCache<string, Window>({ max: COUNTED_MAX });

  const windowOf = (windows: LRUCache<string, Window>, key: string): Window => {
    const known = windows.get(key);
    if (known !== undefined && known.endsAt > now()) return known;
    const window = { count: 0, endsAt: now() + WINDOW_MS };
    windows.set(key, window);
    return window;
  };
  /** Counts it; the problem is what is beyond the limit. */
  const count = (window: Window, reply: FastifyReply): Problem | undefined => {
    window.count += 1;
    const resetS = Math.ceil((window.endsAt - now()) / 1000);
    reply
      .header('ratelimit-limit', perSecond)
      .header('ratelimit-remaining', Math.max(0, perSecond - window.count))
      .header('ratelimit-reset', resetS);
    if (window.count <= perSecond) return undefined;
    return new Problem('RATE_LIMITED', `More than ${perSecond} requests a second.`, { headers: { 'retry-after': String(resetS) } });
  };
  /**
   * Health, metrics and the pages of the reference, which are no operations: what there is to look at while everything else is refused. But
   * for a credential that would have to be looked up /metrics is a route like any other.
   */
  const isFree = ({ headers, is404, routeOptions: { schema } }: FastifyRequest, callerId: string | null): boolean => {
    const rule = ruleOf((schema as { operationId?: unknown } | undefined)?.operationId);
    if (rule === null) return !is404;
    if (rule.work !== 'free') return false;
    return rule.least === 'anyone' || callerId !== null || headers.authorization === undefined || isMetricsToken(headers.authorization);
  };

  return {
    beforeLookUp: (request, reply, done) => {
      const { authorization } = request.headers;
      const callerId = authorization === undefined ? null : remembered(authorization);
      if (isFree(request, callerId)) return done();
      const window = callerId === null ? windowOf(sources, sourceOf(request)) : windowOf(callers, callerId);
      request.counted = { callerId, window };
      done(count(window, reply));
    },
    onceKnown: (request, reply, done) => {
      const { caller, counted } = request;
      if (caller === null || caller.id === counted?.callerId) return done();
      // A credential that was not in memory and is good: its source is not charged for it.
      if (counted?.callerId === null) counted.window.count -= 1;
      done(isFree(request, caller.id) ? undefined : count(windowOf(callers, caller.id), reply));
    },
  };
};
