// Overload seen from outside: what is refused, with what answer, and what goes on meanwhile. The api is whole, on a log in memory.

import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IN_FLIGHT_MAX } from '../../../../api/overload/admission.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { pass, passUntil, steerTime } from '../../../support/steered-time.ts';

const good = { user_id: 1, item_ids: [1], total_amount: 10 };

let api: InMemoryApi;
afterEach(() => api.stop());

const refusals = async (reason: string): Promise<number> => {
  const text = (await api.get('/metrics')).body;
  return Number(new RegExp(`^requests_refused_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(text)![1]);
};

describe('beyond ADMISSION_MAX_PER_SECOND', () => {
  beforeEach(steerTime);

  it('orders and changes are 503 OVERLOADED with Retry-After, nothing is recorded, and they are counted', async () => {
    api = await startApiInMemory({ admissionMaxPerSecond: 1 });
    const created = await api.post(good);
    expect(created.statusCode).toBe(201);
    const id = created.json<{ order_id: string }>().order_id;
    const change = (method: 'PUT' | 'PATCH' | 'POST', url: string) => api.app.inject({ method, url, payload: {} });
    const refused = await Promise.all([
      api.post(good),
      api.post('not even JSON', {}, '/api/orders/'),
      change('POST', `/orders/${id}/cancel`),
      change('PATCH', `/orders/${id}`),
      change('PUT', `/orders/${id}`),
      change('PUT', `/orders/${id}/status`),
      change('POST', `/orders/${id}/redrive`),
      change('POST', `/orders/${id}/fulfilment`),
      change('POST', '/products'),
      change('PUT', '/products/p'),
      change('PUT', '/products/p/stock'),
    ]);
    for (const answer of refused) {
      expect(answer.headers).toMatchObject({ 'retry-after': '1', 'content-type': 'application/problem+json; charset=utf-8' });
      expect(answer.json()).toMatchObject({ status: 503, code: 'OVERLOADED', request_id: answer.headers['x-request-id'] });
    }
    expect(new Set(refused.map(({ headers }) => headers['x-request-id'])).size).toBe(refused.length);
    expect(api.log.records.flat()).toHaveLength(1);
    expect(await refusals('rate')).toBe(refused.length);
  });

  it('reads, lists, metrics and health answer as ever', async () => {
    api = await startApiInMemory({ admissionMaxPerSecond: 1 });
    const { order_id: id } = (await api.post(good)).json<{ order_id: string }>();
    expect((await api.post(good)).statusCode).toBe(503);
    await api.caughtUp();
    api.readModel.catchUp();
    for (const url of [
      `/orders/${id}`,
      `/orders/${id}/events`,
      '/orders',
      '/orders/metrics',
      '/metrics',
      '/health/live',
      '/health/ready',
    ]) {
      expect([url, (await api.get(url)).statusCode]).toEqual([url, 200]);
    }
  });

  it('takes again what comes later', async () => {
    api = await startApiInMemory({ admissionMaxPerSecond: 20 });
    const statuses = await Promise.all(Array.from({ length: 50 }, async () => (await api.post(good)).statusCode));
    expect(statuses.filter((status) => status === 201).length).toBeLessThan(50);
    expect((await api.post(good)).statusCode).toBe(503);
    await pass(1_000);
    expect((await api.post(good)).statusCode).toBe(201);
  });

  it('a batch waits for what single orders leave, and loses no entry', async () => {
    api = await startApiInMemory({ admissionMaxPerSecond: 100, openOrdersMax: 10_000, tailMax: 10_000 });
    const startedAt = performance.now();
    const answer = await passUntil(api.post({ total_entries: 60 }, {}, '/orders/populate'), 'the end of the batch');
    expect(answer.json()).toMatchObject({ success_count: 60, failure_count: 0 });
    // Five of a burst of ten at once, the others at 100 a second.
    expect(performance.now() - startedAt).toBeGreaterThan(500);
  });
});

describe('requests under way', () => {
  it('are refused beyond the limit at once, while reads and health answer, and taken again when others are answered', async () => {
    api = await startApiInMemory({ openOrdersMax: 100_000, tailMax: 100_000 });
    const released = Promise.withResolvers<void>();
    const held = () => released.promise.then(() => Promise.reject(new AppError('LOG_UNAVAILABLE', 'scripted')));
    api.log.script.push(...Array.from({ length: IN_FLIGHT_MAX.append }, () => held));
    const waiting = Array.from({ length: IN_FLIGHT_MAX.append }, () => api.post(good));
    await eventually(() => api.log.script.length === 0, { what: 'all of them to wait for the log' });
    const refused = await api.post(good);
    expect(refused.json()).toMatchObject({ code: 'OVERLOADED' });
    expect(refused.headers['retry-after']).toBe('1');
    expect((await api.get('/health/ready')).statusCode).toBe(200);
    expect((await api.get('/orders')).statusCode).toBe(200);
    released.resolve();
    for (const answer of await Promise.all(waiting)) expect(answer.json()).toMatchObject({ code: 'LOG_UNAVAILABLE' });
    expect((await api.post(good)).statusCode).toBe(201);
  });

  it('count once, and no more when they have been answered, refused or left', async () => {
    api = await startApiInMemory({ openOrdersMax: 100_000, tailMax: 100_000 });
    const url = new URL(await api.app.listen({ host: '127.0.0.1', port: 0 }));
    // More than may be under way at once: whatever is not counted off fills the place of another.
    for (let n = 0; n < IN_FLIGHT_MAX.transfer + 5; n += 1) {
      expect((await api.app.inject({ method: 'HEAD', url: '/orders/export' })).statusCode).toBe(200);
      expect((await api.post({ total_entries: 0 }, {}, '/orders/populate')).statusCode).toBe(400);
      expect((await fetch(`${url.origin}/orders/export`)).status).toBe(200);
    }
    for (let n = 0; n < IN_FLIGHT_MAX.transfer + 5; n += 1) {
      const socket = connect(Number(url.port), url.hostname);
      const gone = new Promise((resolve) => socket.once('close', resolve));
      socket.write(
        'POST /orders/import HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n',
      );
      socket.once('data', () => {});
      await new Promise((resolve) => socket.write('1\r\n\n\r\n', resolve));
      socket.destroy();
      await gone;
    }
    await eventually(async () => (await fetch(`${url.origin}/orders/export`)).status === 200, { what: 'a place for a transfer' });
    expect(await refusals('in_flight')).toBeLessThan(IN_FLIGHT_MAX.transfer);
  });
});
