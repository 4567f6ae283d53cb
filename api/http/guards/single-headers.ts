// api/http/guards/single-headers.ts: refuses a request that sends a header twice of which it can mean one.
// Node joins repeated headers with a comma, or takes the first: a key would be another key, credentials those of another caller.

import type { FastifyInstance } from 'fastify';
import { type Problem, validationFailed } from '../problems.ts';

const SINGLE = new Map(
  ['Authorization', 'Consistency-Token', 'Content-Type', 'Host', 'Idempotency-Key', 'Origin'].map((name) => [name.toLowerCase(), name]),
);

/** The same value twice is one: proxies do that. */
export const refuseContradictions = (app: FastifyInstance): void => {
  app.addHook('onRequest', ({ headers, raw: { rawHeaders } }, _reply, done) => {
    const problem = firstContradiction(rawHeaders, headers);
    done(problem ?? undefined);
  });
};

/** `headers` gets the one value of those that are repeated. */
const firstContradiction = (rawHeaders: readonly string[], headers: NodeJS.Dict<string | string[]>): Problem | null => {
  const seen = new Map<string, string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!SINGLE.has(name)) continue;
    const value = rawHeaders[at + 1]!;
    const before = seen.get(name);
    if (before === undefined) seen.set(name, value);
    else if (before === value) headers[name] = value;
    else return validationFailed([{ path: `header/${SINGLE.get(name)}`, message: 'is sent twice with different values' }]);
  }
  return null;
};
