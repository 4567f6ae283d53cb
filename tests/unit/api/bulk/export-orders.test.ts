// GET /orders/export: pages become one stream, formats, and what a client or a database that goes away means.

import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportOrders } from '../../../../api/bulk/export-orders.ts';
import type { ListQuery } from '../../../../api/reads/order-list.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import { orderView } from '../../../../shared/order/order-view.ts';
import type { StoredOrder } from '../../../../shared/postgres/tables/order-rows.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { created, fact, T0 } from '../../../support/builders/order-events.ts';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { collect, standsStill } from '../../../support/streams.ts';

const orderAt = (n: number, more: Partial<Order> = {}): Order => {
  const { order } = evolve(null, created(`o-${String(n).padStart(6, '0')}`, {}, { time: T0 + n }));
  return { ...order!, ...more };
};
/** Orders, oldest first, behind the port of the read model. */
const tableOf = (orders: readonly Order[]) => {
  const asked: ListQuery[] = [];
  return {
    asked,
    page: async (query: ListQuery): Promise<StoredOrder[]> => {
      asked.push(query);
      const sorted = query.newestFirst ? orders.toReversed() : orders;
      const from = query.after === null ? 0 : sorted.findIndex(({ orderId }) => orderId === query.after!.orderId) + 1;
      return sorted.slice(from, from + query.limit).map((order) => ({ order, partition: 0, createdOffset: 0, lastOffset: 0 }));
    },
  };
};
const filters = { statuses: [], userId: null, batchId: null, productId: null, parked: null, createdAfter: null, createdBefore: null };
const exported = async (orders: readonly Order[], format: 'ndjson' | 'csv', newestFirst = false): Promise<string> =>
  (await collect(exportOrders(tableOf(orders), { filters, newestFirst, format }))).join('');

/** By a reader that is not ours, which finds out by itself what ends a row. */
const parseCsv = (csv: string): string[][] => parse(csv, { bom: true, record_delimiter: ['\r\n', '\n', '\r'] });

describe('an export', () => {
  it.each([0, 1, 499, 500, 501, 1_000, 1_750])('of %i orders has each of them once, in order', async (count) => {
    const orders = Array.from({ length: count }, (_, n) => orderAt(n));
    const lines = (await exported(orders, 'ndjson', true)).split('\n').slice(0, -1);
    expect(lines.map((line) => JSON.parse(line).order_id)).toEqual(orders.map(({ orderId }) => orderId).toReversed());
    const rows = parseCsv(await exported(orders, 'csv'));
    expect(rows.map(([id]) => id)).toEqual(['order_id', ...orders.map(({ orderId }) => orderId)]);
  });

  it('as NDJSON has orders as the api shows them', async () => {
    const order = evolve(orderAt(1), fact('OrderProcessing', 'o-000001', 2, 'pending')).order!;
    expect(JSON.parse(await exported([order], 'ndjson'))).toEqual(orderView(order));
  });

  it('as CSV has every field of an order, quoted where it must be', async () => {
    const order = orderAt(1, {
      reason: 'said "no", twice\r\nand left',
      parked: { since: T0, code: 'FULFILMENT_FAILED', attempts: 3 },
      totalMinor: 123_456,
      batchId: 'b-1',
    });
    const [header, row] = parseCsv(await exported([order], 'csv'));
    const cells = Object.fromEntries(header!.map((name, at) => [name, row![at]!]));
    const view = orderView(order);
    expect(header!.toSorted()).toEqual(Object.keys(view).toSorted());
    expect(JSON.parse(cells.items!)).toEqual(view.items);
    expect(JSON.parse(cells.parked!)).toEqual(view.parked);
    expect(cells.item_ids).toBe(view.item_ids.join(','));
    for (const [name, value] of Object.entries(view)) {
      if (['items', 'item_ids', 'parked'].includes(name)) continue;
      expect(cells[name]).toBe(value === null ? '' : String(value));
    }
  });

  it('as CSV gives every text back, whatever line breaks, quotes and separators are in it', async () => {
    const piece = fc.constantFrom('a', '\n', '\r', '\r\n', '"', ',', ';', '\n=1+1', '🙂', ' ');
    const reasons = fc.array(fc.string({ unit: piece, minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(reasons, async (texts) => {
        const orders = texts.map((reason, n) => orderAt(n, { reason }));
        const [header, ...rows] = parseCsv(await exported(orders, 'csv'));
        const at = header!.indexOf('reason');
        expect(rows.map((row) => row[at]!.replace(/^'(?=[=+\-@\t\r])/, ''))).toEqual(texts);
        expect(rows.map((row) => row.length)).toEqual(texts.map(() => header!.length));
      }),
    );
  });

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1'])('as CSV does not let a spreadsheet run %j', async (reason) => {
    const [header, row] = parseCsv(await exported([orderAt(1, { reason })], 'csv'));
    expect(row![header!.indexOf('reason')]).toBe(`'${reason}`);
  });

  it('as CSV begins with a byte order mark where one is asked for', async () => {
    const pieces = await collect(exportOrders(tableOf([orderAt(1)]), { filters, newestFirst: true, format: 'csv', bom: true }));
    expect(pieces.join('').startsWith('\ufefforder_id,')).toBe(true);
    expect(parseCsv(pieces.join(''))[0]![0]).toBe('order_id');
  });

  it('asks for the next page only when the last one was taken', async () => {
    const table = tableOf(Array.from({ length: 5_000 }, (_, n) => orderAt(n)));
    const pieces = exportOrders(table, { filters, newestFirst: true, format: 'ndjson' });
    await pieces.next();
    await pieces.next();
    await new Promise(setImmediate);
    expect(table.asked).toHaveLength(2);
    await pieces.return(undefined);
    expect(table.asked).toHaveLength(2);
  });
});

describe('GET /orders/export', () => {
  let api: InMemoryApi;
  let port: number;
  let table: ReturnType<typeof tableOf>;
  beforeAll(async () => {
    api = await startApiInMemory();
    await api.app.listen({ host: '127.0.0.1', port: 0 });
    port = (api.app.server.address() as AddressInfo).port;
  });
  afterAll(() => api.stop());
  const serve = (orders: readonly Order[]) => {
    table = tableOf(orders);
    api.readModel.page = table.page;
  };

  it.each([
    ['ndjson', /^application\/x-ndjson/],
    ['csv', /^text\/csv; charset=utf-8/],
  ])('answers %s with its type and a file name', async (format, type) => {
    serve([orderAt(1), orderAt(2)]);
    const answer = await api.get(`/orders/export?format=${format}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toMatch(type);
    expect(answer.headers['content-disposition']).toMatch(
      new RegExp(`^attachment; filename="orders-\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\dZ\\.${format}"$`),
    );
    expect(answer.headers['cache-control']).toBe('private, no-cache');
    expect(answer.headers.vary).toContain('Accept');
  });

  it('has the filters and the sort of the list, and no pages', async () => {
    serve([]);
    await api.get(
      '/orders/export?status=pending,completed&user_id=7&batch_id=b&product_id=p&parked=true&created_after=2026-01-01T00:00:00Z&sort=created_at',
    );
    expect(table.asked[0]).toMatchObject({
      filters: { statuses: ['completed', 'pending'], userId: '7', batchId: 'b', productId: 'p', parked: true, createdAfter: T0 },
      newestFirst: false,
    });
    for (const wrong of ['limit=5', 'cursor=x', 'format=xml', 'status=none', 'bom=true', 'bom=perhaps&format=csv']) {
      expect((await api.get(`/orders/export?${wrong}`)).json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    }
  });

  it.each([
    ['text/csv', 'text/csv'],
    ['text/csv;q=0.5, application/x-ndjson', 'application/x-ndjson'],
    ['text/*', 'application/x-ndjson'],
    ['*/*', 'application/x-ndjson'],
  ])('answers Accept: %s with %s, unless the query says otherwise', async (accept, type) => {
    serve([orderAt(1)]);
    expect((await api.get('/orders/export', { accept })).headers['content-type']).toContain(type);
    expect((await api.get('/orders/export?format=ndjson', { accept })).headers['content-type']).toContain('application/x-ndjson');
    const marked = await api.get('/orders/export?format=csv&bom=true', { accept });
    expect(marked.rawPayload.subarray(0, 3)).toEqual(Buffer.from([0xef, 0xbb, 0xbf]));
  });

  it('is an error with a status while nothing has been sent, and a broken connection afterwards', async () => {
    api.readModel.page = () => Promise.reject(new AppError('DATABASE_UNAVAILABLE', 'told to be'));
    expect((await api.get('/orders/export')).json()).toMatchObject({ status: 503, code: 'READ_MODEL_UNAVAILABLE' });

    serve(Array.from({ length: 5_000 }, (_, n) => orderAt(n)));
    const { page } = table;
    api.readModel.page = (query) => (table.asked.length === 3 ? Promise.reject(new AppError('DATABASE_UNAVAILABLE', 'now')) : page(query));
    const [response] = (await once(get({ port, path: '/orders/export' }), 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    await expect(text(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('goes no faster than its client, and no further once the client has left', async () => {
    serve(Array.from({ length: 200_000 }, (_, n) => orderAt(n)));
    const [response] = (await once(get({ port, path: '/orders/export' }), 'response')) as [IncomingMessage];
    response.on('error', () => {});
    await eventually(
      standsStill(() => table.asked.length),
      { what: 'the export to wait for its client' },
    );
    const last = table.asked.length;
    expect(last).toBeLessThan(200);
    response.destroy();
    const connections = () => new Promise<number>((resolve) => api.app.server.getConnections((_error, count) => resolve(count)));
    await eventually(async () => (await connections()) === 0, { what: 'the connection to be gone' });
    expect(table.asked.length).toBeLessThanOrEqual(last + 1);
  });
});
