// POST /order and GET /order/:order_id, which clients of a replaced service send.
// They get that service's answers, and what they submit is an order like every other.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ORDER_STATUSES, type OrderStatus } from '../../../../shared/order/lifecycle.ts';
import { fact } from '../../../support/builders/order-events.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

let api: InMemoryApi;
beforeAll(async () => {
  api = await startApiInMemory();
});
afterAll(() => api.stop());

/** What its README sends. */
const theirs = { user_id: 'user123', item_ids: [101, 102], total_amount: 250.75 };
const submit = (headers: Record<string, string> = {}, prefix = '') => api.post(theirs, headers, `${prefix}/order`);
const records = () => api.log.records.flat().length;

describe('POST /order', () => {
  it('answers 200 with the id and the status, and nothing else', async () => {
    const answer = await submit();
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ order_id: expect.stringMatching(/^[0-9a-f-]{36}$/), order_status: 'Pending' });
    expect(answer.headers['consistency-token']).toBeDefined();
  });

  it.each(['', '/api'])('makes an order that the other routes know, under %j too', async (prefix) => {
    const answer = await submit({}, prefix);
    const { order_id: id } = answer.json<{ order_id: string }>();
    expect(answer.headers.location).toBe(`${prefix}/orders/${id}`);
    expect((await api.get(`/orders/${id}`)).json()).toMatchObject({ ...theirs, item_ids: ['101', '102'], status: 'pending', version: 1 });
  });

  it.each<[string, object]>([
    ['a total that is text', { ...theirs, total_amount: '250.75' }],
    ['no items', { user_id: 'user123', total_amount: 250.75 }],
    ['a field that is unknown', { ...theirs, colour: 'red' }],
    ['a total that is not the sum', { user_id: 1, items: [{ product_id: 1, unit_price: 2 }], total_amount: 3 }],
  ])('refuses what POST /orders refuses, with the same problem and no record: %s', async (_, body) => {
    const before = records();
    const [here, there] = await Promise.all(['/order', '/orders'].map((path) => api.post(body, { 'x-request-id': 'same' }, path)));
    expect(here!.statusCode).toBeGreaterThanOrEqual(400);
    expect([here!.statusCode, here!.body]).toEqual([there!.statusCode, there!.body]);
    expect(records()).toBe(before);
  });

  it('answers a repeated key with the same bytes, also after the order has moved on, and makes one order', async () => {
    const first = await submit({ 'idempotency-key': 'theirs-1' });
    const { order_id: id } = first.json<{ order_id: string }>();
    api.log.landEvent(fact('OrderProcessing', id, 2, 'pending'));
    const before = records();
    const again = await submit({ 'idempotency-key': 'theirs-1' });
    expect([again.statusCode, again.body]).toEqual([200, first.body]);
    expect(again.headers['idempotent-replayed']).toBe('true');
    const elsewhere = await api.post(theirs, { 'idempotency-key': 'theirs-1' });
    expect(elsewhere.json()).toMatchObject({ order_id: id, order: { status: 'pending' } });
    expect(records()).toBe(before);
  });
});

describe('GET /order/:order_id', () => {
  const read = (id: string) => api.get(`/order/${id}`);
  const STEPS: Record<OrderStatus, Parameters<typeof fact>[0][]> = {
    pending: [],
    processing: ['OrderProcessing'],
    completed: ['OrderProcessing', 'OrderCompleted'],
    cancelled: ['OrderCancelled'],
    rejected: ['OrderRejected'],
  };

  it.each(ORDER_STATUSES)('says an order that is %s with a capital', async (status) => {
    const { order_id: id } = (await submit()).json<{ order_id: string }>();
    for (const [n, name] of STEPS[status].entries()) api.log.landEvent(fact(name, id, n + 2, n === 0 ? 'pending' : 'processing'));
    const answer = await read(id);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ order_id: id, order_status: status.charAt(0).toUpperCase() + status.slice(1) });
    expect(answer.headers['cache-control']).toBe('private, no-cache');
  });

  it('is 404 for an order that there is not, with the sentence as `detail`', async () => {
    const answer = await read('ORD4254');
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: 'ORDER_NOT_FOUND', detail: 'There is no order ORD4254.' });
  });
});

it('is marked as deprecated in the OpenAPI document, and nothing else is', async () => {
  const { paths } = (await api.get('/openapi.json')).json<{ paths: Record<string, Record<string, { deprecated?: boolean }>> }>();
  const deprecated = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.deprecated === true)
      .map(([method]) => `${method} ${path}`),
  );
  expect(deprecated.sort()).toEqual(['get /order/{order_id}', 'post /order']);
});

it('has every figure of its metrics in ours, for a client that asks for JSON', async () => {
  api.readModel.catchUp();
  const answer = await api.get('/metrics', { accept: 'application/json' });
  expect(Object.keys(answer.json())).toEqual(
    expect.arrayContaining(['total_orders', 'completed_orders', 'pending_orders', 'processing_orders', 'average_processing_time']),
  );
});
