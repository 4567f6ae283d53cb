// api/routes/orders/populate.ts: POST /orders/populate.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { callContextOf } from '../../access/call-context.ts';
import type { Populate } from '../../bulk/populate.ts';
import type { LongTransfers } from '../../http/long-transfers.ts';
import { Problem } from '../../http/problems.ts';
import { consistencyToken } from '../../reads/consistency.ts';
import { idempotencyKeyOf } from '../../requests/idempotency-key.ts';
import { EXAMPLE_POPULATED, PopulateBody, PopulateResult } from '../../schemas/bulk.ts';
import { KeyHeaders } from '../../schemas/headers.ts';
import { NoQuery } from '../../schemas/queries.ts';
import { jsonResponse, problemResponses } from '../../schemas/responses.ts';

export interface PopulateRouteOptions {
  populate: Populate;
  leaving: LongTransfers['leaving'];
}

const schema = {
  operationId: 'populateOrders',
  tags: ['Orders'],
  summary: 'Submit many sample orders',
  description:
    'For trying out and for load: orders that look like real ones, the same for the same batch and index. Answers when all of them are in the log, or have failed: a success is an order that every in-sync replica has. The ids follow from caller, batch and index, so the same call again, with the batch_id of the first or with its `Idempotency-Key`, makes what is missing and doubles nothing. Takes at most half of the open orders that the service allows; beyond that it waits for the processors.',
  querystring: NoQuery,
  headers: KeyHeaders,
  body: PopulateBody,
  response: {
    201: jsonResponse({
      description: 'What became of the entries.',
      schema: PopulateResult,
      example: EXAMPLE_POPULATED,
      headers: {
        'Consistency-Token': 'Give it as `after` to a list or to the metrics, so that they contain these orders.',
        'Idempotent-Replayed': '`true` if an earlier request with this key made all of them.',
      },
    }),
    ...problemResponses(
      'VALIDATION_FAILED',
      'MALFORMED_JSON',
      'TWO_KEYS',
      'IDEMPOTENCY_KEY_REUSED',
      'NOT_ACCEPTABLE',
      'PAYLOAD_TOO_LARGE',
      'UNSUPPORTED_MEDIA_TYPE',
      'LOG_UNAVAILABLE',
      'READ_MODEL_UNAVAILABLE',
      'OVERLOADED',
    ),
  },
};

export const populateRoute: FastifyPluginCallbackTypebox<PopulateRouteOptions> = (app, { populate, leaving }, done) => {
  app.post('/orders/populate', { schema }, async (request, reply) => {
    const { total_entries: total, batch_id } = request.body;
    const idempotencyKey = idempotencyKeyOf(request.headers['idempotency-key']);
    if (idempotencyKey !== null && batch_id !== undefined)
      throw new Problem('TWO_KEYS', 'Send either Idempotency-Key or batch_id: both say which batch is meant.');
    const { batchId, successes, failures, errors, places } = await populate({
      total,
      batchId: batch_id ?? null,
      idempotencyKey,
      context: callContextOf(request),
      signal: leaving(reply),
    });
    if (places.length > 0) reply.header('consistency-token', consistencyToken(...places));
    if (idempotencyKey !== null && places.length === 0 && failures === 0) reply.header('idempotent-replayed', 'true');
    return reply.code(201).send({ batch_id: batchId, total_entries: total, success_count: successes, failure_count: failures, errors });
  });
  done();
};
