// api/requests/refuse-useless-keys.ts: refuses an Idempotency-Key where it would do nothing.
// A client that sends one counts on its request being done once; where that is not promised it must hear so, not find out.

import type { FastifyInstance } from 'fastify';
import { ruleOf } from '../access/operations.ts';
import { Problem } from '../http/problems.ts';

/** After access, before routes are added. */
export const refuseUselessKeys = (app: FastifyInstance): void => {
  app.addHook('onRequest', ({ headers, routeOptions: { schema } }, _reply, done) => {
    const isUseless = headers['idempotency-key'] !== undefined && ruleOf(schema?.operationId)?.keyed !== true;
    done(isUseless ? new Problem('KEY_NOT_SUPPORTED', 'This route takes no Idempotency-Key: it records nothing under one.') : undefined);
  });
};
