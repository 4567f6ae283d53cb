// api/access/limits/rate-limit.ts: limits the requests per second of each caller, over all routes, per instance.
// Answers carry RateLimit-Limit, -Remaining and -Reset (draft-ietf-httpapi-ratelimit-headers, up to version 06).

import type { FastifyInstance } from 'fastify';
import { LRUCache } from 'lru-cache';
import { Problem } from '../../http/problems.ts';

interface Window {
  count: number;
  endsAt: number;
}

const WINDOW_MS = 1_000;
// Callers counted within a window; one that is pushed out starts at zero. Some 200 bytes each.
const COUNTED_MAX = 20_000;

/** After the caller is known, before routes are added. */
export const limitRates = (app: FastifyInstance, perSecond: number, now: () => number = () => performance.now()): void => {
  const windows = new LRUCache<string, Window>({ max: COUNTED_MAX });

  app.addHook('onRequest', ({ caller, ip }, reply, done) => {
    const key = caller?.id ?? ip; // requests without a caller (signing in, health) count for their address
    let window = windows.get(key);
    if (window === undefined || window.endsAt <= now()) {
      window = { count: 0, endsAt: now() + WINDOW_MS };
      windows.set(key, window);
    }
    window.count += 1;
    const resetS = Math.ceil((window.endsAt - now()) / 1000);
    reply
      .header('ratelimit-limit', perSecond)
      .header('ratelimit-remaining', Math.max(0, perSecond - window.count))
      .header('ratelimit-reset', resetS);
    if (window.count <= perSecond) return done();
    done(new Problem('RATE_LIMITED', `More than ${perSecond} requests a second.`, { headers: { 'retry-after': String(resetS) } }));
  });
};
