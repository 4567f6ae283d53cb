// api/routes/orders/export.ts: GET /orders/export: what the list shows page by page, as one stream.

import { Readable } from 'node:stream';
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import { exportOrders } from '../../bulk/export-orders.ts';
import { quality } from '../../http/guards/http-guard.ts';
import type { LongTransfers } from '../../http/long-transfers.ts';
import { validationFailed } from '../../http/problems.ts';
import type { Consistency } from '../../reads/consistency.ts';
import type { ReadModel } from '../../reads/read-model.ts';
import { type ExportFormat, ExportQuery } from '../../schemas/bulk.ts';
import { TokenHeaders } from '../../schemas/headers.ts';
import { EXAMPLE_ORDER } from '../../schemas/order.ts';
import { problemResponses } from '../../schemas/responses.ts';
import { awaitToken, PRIVATE } from '../conditional-reads.ts';
import { filtersOf } from './list.ts';

export interface ExportRouteOptions {
  readModel: Pick<ReadModel, 'page'>;
  consistency: Consistency;
  longTransfers: Pick<LongTransfers, 'begin'>;
}

const TYPES: Readonly<Record<ExportFormat, string>> = { ndjson: 'application/x-ndjson', csv: 'text/csv; charset=utf-8; header=present' };

const schema = {
  operationId: 'exportOrders',
  tags: ['Orders'],
  summary: 'All orders that pass the filters',
  description:
    'The filters and the order of `GET /orders`, without pages: one JSON object or one CSV row (RFC 4180, with a header row) an order. Every order that the read model had when the export began is in it once, as it was when its part was read; one that enters or leaves the filters meanwhile may be in it or not, and so may one that is created meanwhile. In CSV, text that a spreadsheet would take for a formula begins with an apostrophe. An export that could not be finished ends with a broken connection, never as if it were whole. A client that takes nothing for a minute is disconnected.',
  querystring: ExportQuery,
  headers: TokenHeaders,
  response: {
    200: {
      description: 'The orders.',
      headers: { 'Content-Disposition': { type: 'string', description: 'A file name.' } },
      content: {
        'application/x-ndjson': { schema: { $ref: 'Order#' }, example: EXAMPLE_ORDER },
        'text/csv': { schema: { type: 'string' } },
      },
    },
    ...problemResponses('VALIDATION_FAILED', 'INVALID_TOKEN', 'READ_MODEL_UNAVAILABLE', 'OVERLOADED'),
  },
};

export const exportRoute: FastifyPluginCallbackTypebox<ExportRouteOptions> = (app, { readModel, consistency, longTransfers }, done) => {
  app.get('/orders/export', { schema }, async (request, reply) => {
    const { query } = request;
    const format = query.format ?? formatBy(request.headers.accept ?? '*/*');
    const bom = query.bom === true;
    if (bom && format !== 'csv') throw validationFailed([{ path: 'query/bom', message: 'is for CSV only' }]);
    await awaitToken(request, reply, consistency, 'rows');
    const text = exportOrders(readModel, { filters: filtersOf(query), newestFirst: query.sort === '-created_at', format, bom });
    // Before the headers go out: a failure now is still an answer.
    const first = await text.next();
    const signal = longTransfers.begin(request, reply);
    return reply
      .header('cache-control', PRIVATE)
      .header('vary', 'Accept')
      .header('content-disposition', `attachment; filename="${fileName(format)}"`)
      .type(TYPES[format])
      .send(Readable.from(withFirst(first, text), { signal }));
  });
  done();
};

async function* withFirst(first: IteratorResult<string, void>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (!first.done) yield first.value;
  yield* rest;
}

/** CSV where the client prefers it by name; wildcards mean NDJSON. */
const formatBy = (accept: string): ExportFormat => {
  const csv = quality(accept, 'text/csv', { explicit: true });
  return csv > 0 && csv >= quality(accept, 'application/x-ndjson', { explicit: true }) ? 'csv' : 'ndjson';
};

/** `orders-2026-11-21T10-00-00Z.csv`: colons are not for every file system. */
const fileName = (format: ExportFormat): string => `orders-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}Z.${format}`;
