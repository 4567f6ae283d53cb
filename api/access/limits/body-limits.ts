// api/access/limits/body-limits.ts: gives every route the limit on its body's bytes that its row in operations.ts has.

import type { FastifyInstance } from 'fastify';
import { bodyBytesMax, ruleOf } from '../operations.ts';

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Holds for chunked bodies too. Before routes are added; one that can have a body and has no limit throws then. */
export const limitBodies = (app: FastifyInstance): void => {
  app.addHook('onRoute', (route) => {
    const rule = ruleOf((route.schema as { operationId?: unknown } | undefined)?.operationId);
    const canHaveBody = [route.method].flat().some((method) => WITH_BODY.has(method));
    if (canHaveBody && rule?.body === undefined) {
      throw new Error(`${route.method} ${route.url} has no limit for its body: give its row in api/access/operations.ts one`);
    }
    const limit = rule === null ? 0 : bodyBytesMax(rule);
    if (limit > 0) route.bodyLimit = limit;
  });
};
