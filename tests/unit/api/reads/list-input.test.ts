// GET /orders: what it takes as a question, and that a cursor answers only the question that it came from.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cursorOf, readCursor } from '../../../../api/http/cursors.ts';
import type { ListQuery } from '../../../../api/reads/order-list.ts';
import { created } from '../../../support/builders/order-events.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

let api: InMemoryApi;
let asked: ListQuery;
beforeAll(async () => {
  api = await startApiInMemory();
  const { page } = api.readModel;
  api.readModel.page = (query) => {
    asked = query;
    return page(query);
  };
  for (let n = 0; n < 3; n += 1) api.log.landEvent(created(`o${n}`));
  api.readModel.catchUp();
});
afterAll(() => api.stop());

describe('the question', () => {
  it('has defaults', async () => {
    expect((await api.get('/orders')).statusCode).toBe(200);
    expect(asked).toEqual({
      filters: { statuses: [], userId: null, batchId: null, productId: null, parked: null, createdAfter: null, createdBefore: null },
      newestFirst: true,
      after: null,
      limit: 51,
    });
  });

  it('takes every filter', async () => {
    await api.get(
      '/orders?status=processing,pending,pending&user_id=7&batch_id=b&product_id=5&parked=true&created_after=2026-01-01T00:00:00Z&created_before=2026-01-02T00:00:00.5%2B01:00&limit=500&sort=created_at',
    );
    expect(asked).toEqual({
      filters: {
        statuses: ['pending', 'processing'],
        userId: '7',
        batchId: 'b',
        productId: '5',
        parked: true,
        createdAfter: Date.UTC(2026, 0, 1),
        createdBefore: Date.UTC(2026, 0, 1, 23, 0, 0, 500),
      },
      newestFirst: false,
      after: null,
      limit: 501,
    });
  });

  it.each([
    ['limit=0', 'query/limit'],
    ['limit=501', 'query/limit'],
    ['limit=1.5', 'query/limit'],
    ['limit=', 'query/limit'],
    ['limit=ten', 'query/limit'],
    ['limit=1&limit=2', 'query/limit'],
    ['status=open', 'query/status'],
    ['status=pending,', 'query/status'],
    ['status=', 'query/status'],
    ['user_id=a b', 'query/user_id'],
    ['user_id=', 'query/user_id'],
    ['user_id=1&user_id=2', 'query/user_id'],
    ['parked=yes', 'query/parked'],
    ['parked=1', 'query/parked'],
    ['created_after=yesterday', 'query/created_after'],
    ['created_after=2026-01-01', 'query/created_after'],
    ['created_before=2026-13-01T00:00:00Z', 'query/created_before'],
    ['created_before=2026-01-01T10:00:00%2B02', 'query/created_before'],
    ['created_before=2026-12-31T23:59:60Z', 'query/created_before'],
    ['created_after=2026-02-30T10:00:00Z', 'query/created_after'],
    ['user_id=%00', 'query/user_id'],
    ['created_after=%00', 'query/created_after'],
    ['sort=total_amount', 'query/sort'],
    ['cursor=', 'query/cursor'],
    ['offset=10', 'query/offset'],
    ['page=2', 'query/page'],
    ['__proto__=1', 'query/__proto__'],
  ])('does not take %s', async (query, path) => {
    const answer = await api.get(`/orders?${query.replace(' ', '%20')}`);
    expect(answer.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', errors: [{ path }] });
  });
});

describe('a cursor', () => {
  const next = async (query: string) => (await api.get(`/orders?${query}`)).json<{ next_cursor: string | null }>().next_cursor;

  it('is null on the last page', async () => {
    expect(await next('limit=3')).toBeNull();
    expect(await next('limit=2')).not.toBeNull();
  });

  it('carries the exact place of the last order', async () => {
    const page = (await api.get('/orders?limit=2')).json<{ orders: { order_id: string; created_at: string }[]; next_cursor: string }>();
    await api.get(`/orders?limit=1&cursor=${page.next_cursor}`);
    expect(asked.after).toEqual({ createdAt: Date.parse(page.orders[1]!.created_at), orderId: page.orders[1]!.order_id });
  });

  it('goes with another page size', async () => {
    expect((await api.get(`/orders?limit=500&cursor=${await next('limit=1')}`)).statusCode).toBe(200);
  });

  it.each(['status=pending', 'user_id=101', 'parked=false', 'sort=created_at', 'created_after=2026-01-01T00:00:00Z'])(
    'does not go with %s instead',
    async (query) => {
      expect((await api.get(`/orders?${query}&cursor=${await next('limit=1')}`)).json()).toMatchObject({
        status: 400,
        code: 'INVALID_CURSOR',
      });
    },
  );

  it.each(['x', 'bnVsbA', 'e30', 'eyJxIjoxfQ', '%20', Buffer.from('{"q":"a","at":{}}').toString('base64url')])(
    'is not %s',
    async (cursor) => {
      expect((await api.get(`/orders?cursor=${cursor}`)).json()).toMatchObject({ status: 400, code: 'INVALID_CURSOR' });
    },
  );

  it.each([9e15, -1, 1.5, Date.UTC(10_000, 0, 1)])(
    'does not go on from the time %d, which no order has and the database may not know',
    async (createdAt) => {
      const { q } = JSON.parse(Buffer.from((await next('limit=1'))!, 'base64url').toString());
      const forged = Buffer.from(JSON.stringify({ q, at: { createdAt, orderId: 'a' } })).toString('base64url');
      expect((await api.get(`/orders?limit=1&cursor=${forged}`)).json()).toMatchObject({ status: 400, code: 'INVALID_CURSOR' });
    },
  );

  it('is not made up from the right question and a wrong place', () => {
    const isNumber = (at: unknown): at is number => typeof at === 'number';
    expect(readCursor(cursorOf(['q'], 7), ['q'], isNumber)).toBe(7);
    expect(() => readCursor(cursorOf(['q'], 'seven'), ['q'], isNumber)).toThrow('not one of ours');
    expect(() => readCursor(cursorOf(['q'], 7), ['p'], isNumber)).toThrow('other filters');
  });
});
