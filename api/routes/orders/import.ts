// api/routes/orders/import.ts: POST /orders/import: a stream of lines in, a stream of results out, at the same time.

import { Readable } from 'node:stream';
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { callContextOf } from '../../access/call-context.ts';
import type { ImportLines, LineResult } from '../../bulk/import-orders.ts';
import { type LongTransfers, until } from '../../http/long-transfers.ts';
import { Problem } from '../../http/problems.ts';
import { createValidatorCompiler } from '../../http/validation.ts';
import { EXAMPLE_IMPORT_RESULT, ImportLine, ImportResult } from '../../schemas/bulk.ts';
import { NoQuery } from '../../schemas/queries.ts';
import { problemResponses } from '../../schemas/responses.ts';

export interface ImportRouteOptions {
  importLines: ImportLines;
  longTransfers: Pick<LongTransfers, 'begin'>;
}

type ValidatedPart = Parameters<ReturnType<typeof createValidatorCompiler>>[0];

export const NDJSON = 'application/x-ndjson';
// The format has no registered name; these are in use.
const NDJSON_NAMES = [NDJSON, 'application/ndjson', 'application/jsonl', 'application/x-jsonlines', 'application/json-lines'];

const schema = {
  operationId: 'importOrders',
  tags: ['Orders'],
  summary: 'Submit a stream of orders',
  description:
    'One JSON object a line, each a body of POST /orders with an optional `idempotency_key`; blank lines are passed over. Every line has its own result, in the order of the lines, while the stream is still coming in; a line that is wrong, or longer than 64 KiB, stops nothing. There is no limit on the stream, but nothing more is read while results are not taken: read while you send. After an interruption send the same lines again: those with a key make no second order. A line of the answer that does not come means that the outcome of its line is not known. A connection on which nothing moves for a minute is closed.',
  querystring: NoQuery,
  body: { content: Object.fromEntries(NDJSON_NAMES.map((name) => [name, { schema: ImportLine }])) },
  response: {
    200: {
      description: 'One result for each line.',
      content: { [NDJSON]: { schema: ImportResult, example: EXAMPLE_IMPORT_RESULT } },
    },
    ...problemResponses('VALIDATION_FAILED', 'UNSUPPORTED_MEDIA_TYPE', 'OVERLOADED'),
  },
};

export const importRoute: FastifyPluginCallbackTypebox<ImportRouteOptions> = (app, { importLines, longTransfers }, done) => {
  app.removeAllContentTypeParsers();
  // To the framework the body is a stream; each line is validated by itself.
  const compile = createValidatorCompiler();
  app.setValidatorCompiler(((route: ValidatedPart) => (route.httpPart === 'body' ? () => true : compile(route))) as never);
  app.addContentTypeParser(NDJSON_NAMES, (_request, payload, parsed) => parsed(null, payload));
  app.post('/orders/import', { schema }, async (request, reply) => {
    const body: unknown = request.body;
    if (!(body instanceof Readable)) throw new Problem('UNSUPPORTED_MEDIA_TYPE', `The body must be ${NDJSON}.`);
    const signal = longTransfers.begin(request, reply);
    const results = importLines(until(signal, body), callContextOf(request));
    return reply.type(NDJSON).send(Readable.from(textOf(results)) as never);
  });
  done();
};

async function* textOf(results: AsyncIterable<LineResult[]>): AsyncGenerator<string> {
  for await (const some of results) yield some.map((result) => `${JSON.stringify(result)}\n`).join('');
}
