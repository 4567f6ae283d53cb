// POST /orders/populate on a log in memory.
// What it makes, that nothing is doubled, and what is told when it cannot go on.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeOrderEvent } from '../../../../shared/log/codec/order-codec.ts';
import type { OrderCreated } from '../../../../shared/order/events.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

let api: InMemoryApi;
beforeEach(async () => {
  api = await startApiInMemory({ openOrdersMax: 10_000, tailMax: 10_000 });
});
afterEach(() => api.stop());

const populate = (body: unknown) => api.post(body, {}, '/orders/populate');
const inLog = (): OrderCreated[] =>
  api.log.records.flat().map((record) => {
    const decoded = decodeOrderEvent(record);
    if (!decoded.ok) throw new Error(decoded.detail);
    return decoded.event as OrderCreated;
  });

describe('populate', () => {
  it('makes as many orders as asked for, in a new batch of eight hexadecimal digits', async () => {
    const answer = await populate({ total_entries: 1_234 });
    expect(answer.statusCode).toBe(201);
    const { batch_id } = answer.json();
    expect(batch_id).toMatch(/^[0-9a-f]{8}$/);
    expect(answer.json()).toEqual({ batch_id, total_entries: 1_234, success_count: 1_234, failure_count: 0, errors: [] });
    const events = inLog();
    expect(new Set(events.map(({ orderId }) => orderId)).size).toBe(1_234);
    for (const { data } of events) expect(data).toMatchObject({ batch_id, id_origin: 'batch' });
  });

  it('makes orders that POST /orders would have taken, with several items and sums that are right', async () => {
    await populate({ total_entries: 300 });
    const events = inLog();
    for (const { data } of events) {
      expect(data.total_minor).toBe(data.items.reduce((sum, item) => sum + item.quantity * item.unit_price_minor!, 0));
      expect(new Set(data.items.map((item) => item.product_id)).size).toBe(data.items.length);
    }
    expect(new Set(events.map(({ data }) => data.items.length)).size).toBeGreaterThan(2);
    expect(new Set(events.map(({ data }) => data.user_id)).size).toBeGreaterThan(100);
    expect(new Set(events.map(({ data }) => data.total_minor)).size).toBeGreaterThan(200);
  });

  it('makes the same orders for the same batch, and what is there already only once', async () => {
    await populate({ total_entries: 100, batch_id: 'load-1' });
    const before = inLog();
    await api.caughtUp();
    const again = await populate({ total_entries: 150, batch_id: 'load-1' });
    expect(again.json()).toMatchObject({ batch_id: 'load-1', success_count: 150, failure_count: 0 });
    const after = inLog();
    expect(after).toHaveLength(150);
    expect(new Set(after.map(({ orderId }) => orderId)).size).toBe(150);

    const other = await startApiInMemory({ openOrdersMax: 10_000 });
    await other.post({ total_entries: 100, batch_id: 'load-1' }, {}, '/orders/populate');
    await other.caughtUp();
    for (const { orderId, data } of before)
      expect((await other.get(`/orders/${orderId}`)).json().total_amount).toBe(data.total_minor / 100);
    await other.stop();
  });

  it('makes the same batch for the same key, with the same answer, and refuses the key for another size', async () => {
    const keyed = (body: unknown) => api.post(body, { 'idempotency-key': 'load-1' }, '/orders/populate');
    const first = await keyed({ total_entries: 50 });
    expect(first.json()).toMatchObject({ batch_id: expect.stringMatching(/^[0-9a-f]{8}$/), success_count: 50 });
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    await api.caughtUp();
    const again = await keyed({ total_entries: 50 });
    expect(again).toMatchObject({ statusCode: 201, body: first.body });
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect((await keyed({ total_entries: 51 })).json()).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
    expect((await keyed({ total_entries: 50, batch_id: 'b' })).json()).toMatchObject({ status: 400, code: 'TWO_KEYS' });
    expect(inLog()).toHaveLength(50);
  });

  it('doubles nothing when the same batch is asked for twice at once', async () => {
    const answers = await Promise.all([0, 1].map(() => populate({ total_entries: 200, batch_id: 'twice' })));
    for (const answer of answers) expect(answer.json()).toMatchObject({ success_count: 200, failure_count: 0 });
    await api.caughtUp();
    expect(api.tail.openOrders()).toBe(200);
  });

  it('answers with a token that stands for all of it', async () => {
    const answer = await populate({ total_entries: 500 });
    const token = String(answer.headers['consistency-token']);
    api.readModel.catchUp();
    const list = await api.get(`/orders?after=${token}`);
    expect(list.statusCode).toBe(200);
    expect(list.headers.consistency).toBeUndefined();
    const pairs = token.split('.').slice(1);
    expect(pairs.length / 2).toBe(api.log.records.length);
    pairs[1] = (Number.parseInt(pairs[1]!, 36) + 1_000).toString(36);
    expect((await api.get(`/orders?after=${['c1', ...pairs].join('.')}`)).json()).toMatchObject({ code: 'INVALID_TOKEN' });
  });

  it('reports what failed, by index, and goes on', async () => {
    const lost = async () => Promise.reject(new AppError('LOG_UNAVAILABLE', 'gone'));
    for (let n = 0; n < 120; n += 1) api.log.script.push(lost);
    const { success_count, failure_count, errors } = (await populate({ total_entries: 1_000 })).json();
    expect({ success_count, failure_count }).toEqual({ success_count: 880, failure_count: 120 });
    expect(errors).toHaveLength(100);
    expect(errors[0]).toEqual({ index: 0, code: 'LOG_UNAVAILABLE', detail: 'The log did not answer in time.' });
    expect(errors.map(({ index }: { index: number }) => index)).toEqual(errors.map((_: unknown, index: number) => index));
  });

  it('gives up on the rest when the log stays away', async () => {
    let tried = 0;
    const gone = async () => {
      tried += 1;
      throw new AppError('LOG_UNAVAILABLE', 'gone');
    };
    for (let n = 0; n < 20_000; n += 1) api.log.script.push(gone);
    const { success_count, failure_count } = (await populate({ total_entries: 20_000 })).json();
    expect({ success_count, failure_count }).toEqual({ success_count: 0, failure_count: 20_000 });
    expect(tried).toBeLessThan(1_500);
  });

  it('leaves room for single orders: at no moment more than half of the open ones, or a round of the appender, are its own', async () => {
    const small = await startApiInMemory({ openOrdersMax: 1_000 });
    const batch = small.post({ total_entries: 5_000 }, {}, '/orders/populate');
    // Nothing processes them here: it waits at its half, and others are served.
    await eventually(() => small.tail.openOrders() >= 500, { what: 'the batch to have taken its half' });
    expect(small.tail.openOrders()).toBeLessThan(1_000);
    expect((await small.post({ user_id: 1, item_ids: [1], total_amount: 1 })).statusCode).toBe(201);
    await small.stop();
    const { success_count, failure_count, errors } = (await batch).json();
    expect(success_count + failure_count).toBe(5_000);
    expect(success_count).toBeLessThan(1_000);
    expect(errors[0]).toMatchObject({ code: 'OVERLOADED' });
  });

  it.each([
    [{}, '/total_entries is required.'],
    [{ total_entries: 0 }, '/total_entries must be >= 1.'],
    [{ total_entries: 100_001 }, '/total_entries must be <= 100000.'],
    [{ total_entries: '5' }, '/total_entries must be integer.'],
    [{ total_entries: 5, batch_id: 'ä' }, undefined],
    [{ total_entries: 5, more: 1 }, '/more is not a known field.'],
  ])('refuses %j', async (body, detail) => {
    const answer = await populate(body);
    expect(answer.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', ...(detail ? { detail } : {}) });
  });
});
