// How long bodies may be, and how much may be in them: for every route, before anything is parsed or checked.

import { Readable } from 'node:stream';
import { fastify } from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { limitBodies } from '../../../../../api/access/limits/body-limits.ts';
import { BODY_BYTES_MAX, bodyBytesMax, OPERATIONS, type OperationId, type Rule } from '../../../../../api/access/operations.ts';
import { type InMemoryApi, startApiInMemory } from '../../../../support/in-memory/api.ts';

interface Route {
  operationId: OperationId;
  method: 'POST';
  url: string;
  limit: number;
}

let api: InMemoryApi;
let routes: Route[];
beforeAll(async () => {
  api = await startApiInMemory();
  const { paths } = (await api.get('/openapi.json')).json<{ paths: Record<string, Record<string, { operationId: OperationId }>> }>();
  routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => ({
      operationId,
      method: method.toUpperCase() as 'POST',
      url: path.replaceAll(/\{\w+\}/g, '1'),
      limit: bodyBytesMax(OPERATIONS[operationId] as Rule),
    })),
  );
});
afterAll(() => api.stop());
afterEach(() => vi.restoreAllMocks());

const JSON_TYPE = { 'content-type': 'application/json' };
const withBody = () => routes.filter(({ limit }) => limit > 0);

describe('a body', () => {
  it('has a limit on every route that can have one, and the small ones are small', () => {
    const limits = Object.fromEntries(withBody().map(({ operationId, limit }) => [operationId, limit]));
    expect(limits).toMatchObject({
      signIn: 4_096,
      cancelOrder: 16_384,
      updateOrderStatus: 16_384,
      redriveOrder: 16_384,
      reportFulfilment: 16_384,
    });
    expect(Math.max(...Object.values(limits))).toBe(BODY_BYTES_MAX.order);
    const streams = routes.filter(({ operationId }) => (OPERATIONS[operationId] as Rule).body === 'lines');
    expect(streams.map(({ operationId }) => operationId)).toEqual(['importOrders']);
    const without = routes.filter(({ limit, method }) => limit === 0 && method !== ('GET' as string));
    expect(without).toEqual(streams);
  });

  it('of one byte too many is 413 with the limit, announced or in chunks, and nothing is parsed', async () => {
    const parse = vi.spyOn(JSON, 'parse');
    for (const { method, url, limit, operationId } of withBody()) {
      const text = `{"a":"${'x'.repeat(limit - 7)}"}`;
      for (const payload of [text, Readable.from([text.slice(0, 1_000), text.slice(1_000)])]) {
        const answer = await api.app.inject({ method, url, headers: JSON_TYPE, payload });
        expect(answer.statusCode, operationId).toBe(413);
        expect(answer.body).toContain(`larger than the ${limit} bytes`);
      }
    }
    expect(parse).not.toHaveBeenCalled();
  });

  it('of as many bytes as are allowed is looked at', async () => {
    for (const { method, url, limit, operationId } of withBody()) {
      const payload = '{}'.padEnd(limit, ' ');
      const { statusCode } = await api.app.inject({ method, url, headers: JSON_TYPE, payload });
      expect(statusCode, operationId).not.toBe(413);
    }
  });

  it.each([
    ['brackets', (bytes: number) => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2)],
    ['objects in objects', (bytes: number) => '{"a":'.repeat(bytes / 5)],
    ['keys', (bytes: number) => `{${Array.from({ length: bytes / 8 }, (_, n) => `"${n}":1`).join(',')}}`.slice(0, bytes)],
    ['elements', (bytes: number) => `{"items":[${'1,'.repeat(bytes / 2 - 8)}1]}`],
  ])('full of %s is refused on every route before it is parsed', async (_what, make) => {
    const parse = vi.spyOn(JSON, 'parse');
    for (const { method, url, limit, operationId } of withBody()) {
      const answer = await api.app.inject({ method, url, headers: JSON_TYPE, payload: make(limit) });
      expect(answer.body, operationId).toMatch(/"code":"VALIDATION_FAILED".*must not have more than \d+ (levels|fields and elements)/);
    }
    const lines = await api.post(`${make(BODY_BYTES_MAX.order)}\n`, { 'content-type': 'application/x-ndjson' }, '/orders/import');
    expect(lines.body).toMatch(/^\{"line":1,"status":400,"order_id":null,"code":"VALIDATION_FAILED"\}\n$/);
    expect(parse).not.toHaveBeenCalled();
  });
});

describe('the largest valid body', () => {
  const id = (n: number) => String(n).padStart(64, 'x');
  const order = {
    user_id: id(0),
    items: Array.from({ length: 100 }, (_, n) => ({ product_id: id(n), quantity: 10_000, unit_price: 9_999.99 })),
    total_amount: 9_999_990_000,
  };
  const escaped = (text: string) => text.replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

  it('of an order is taken, indented too, and as a line of an import', async () => {
    const posted = [await api.post(JSON.stringify({ ...order, order_id: id(1) }, null, 8)), await api.post(JSON.stringify(order))];
    expect(posted.map(({ statusCode }) => statusCode)).toEqual([201, 201]);
    const line = `${JSON.stringify({ ...order, idempotency_key: 'k'.repeat(255) })}\n`;
    const imported = await api.post(line, { 'content-type': 'application/x-ndjson' }, '/orders/import');
    expect(imported.json()).toMatchObject({ line: 1, status: 201 });
  });

  it('of a product is taken, with every character escaped', async () => {
    const text = JSON.stringify({ name: '\u{1f600}'.repeat(200), description: '\u{1f600}'.repeat(2_000), price: 1 });
    for (const body of [text, escaped(text)]) expect((await api.post(body, {}, '/products')).statusCode).toBe(201);
  });

  it('of a user is taken, with every character escaped, and signs in with four bytes a character', async () => {
    const email = `${'\u{1f600}'.repeat(240)}@example.com`;
    const password = '\u{1f511}'.repeat(256);
    const created = await api.post(escaped(JSON.stringify({ email, name: '\u{1f600}'.repeat(200), password })), {}, '/users');
    expect(created.statusCode).toBe(201);
    expect((await api.post({ email, password }, {}, '/auth')).statusCode).toBe(200);
  });
});

describe('a route', () => {
  it('that can have a body and has no limit keeps the api from starting', () => {
    const app = fastify();
    limitBodies(app);
    const route = (operationId: string) => ({ method: 'POST', url: '/x', schema: { operationId } as object, handler: () => 'x' }) as const;
    expect(() => app.route(route('getOrder'))).toThrow('POST /x has no limit for its body');
    expect(() => app.route(route('nothing'))).toThrow('POST /x has no limit for its body');
    expect(() => app.route({ ...route('getOrder'), method: 'GET' })).not.toThrow();
    expect(() => app.route(route('cancelOrder'))).not.toThrow();
  });
});
