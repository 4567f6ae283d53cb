// api/overload/answer-in-time.ts: the one limit of a request, whatever the waits that follow one another in it add up to.
// It counts from when the body is there. Each wait has a limit of its own and says better what was missing, so this one is seldom met.

import type { FastifyInstance } from 'fastify';
import { ruleOf } from '../access/operations.ts';
import { Problem } from '../http/problems.ts';

/**
 * Beside what a command waits for its answer (DECISION_WAIT_MS): twice what one wait for the log or the database takes at most. Proxies
 * and clients commonly give up after thirty seconds.
 */
const ANSWER_MAX_MS = 10_000;

// What an append may have recorded is not known, now or later: its code says so.
const LATE = {
  append: new Problem('LOG_UNAVAILABLE', 'The request was not carried out in time: it may or may not be recorded, now or later.'),
  read: new Problem('READ_MODEL_UNAVAILABLE', 'The answer could not be put together in time.'),
} as const;

/** Must be called before routes are added. Transfers end when nothing moves any more, and what passes under overload has no limits. */
export const answerInTime = (app: FastifyInstance, { decisionWaitMs }: { decisionWaitMs: number }): void => {
  const limitMs = ANSWER_MAX_MS + decisionWaitMs;
  app.addHook('onRoute', (route) => {
    const work = ruleOf((route.schema as { operationId?: unknown } | undefined)?.operationId)?.work;
    if (work !== 'append' && work !== 'read') return;
    const begin: NonNullable<typeof route.preHandler> = (_request, reply, done) => {
      const timer = setTimeout(() => {
        if (!reply.sent) reply.send(LATE[work]); // what the handler sends later is dropped
      }, limitMs);
      reply.raw.once('close', () => clearTimeout(timer));
      done();
    };
    route.preHandler = [...[route.preHandler ?? []].flat(), begin];
  });
};
