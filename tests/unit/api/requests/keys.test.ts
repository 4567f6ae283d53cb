// Which requests take an Idempotency-Key, and what a header means that is sent twice.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../../../api/access/operations.ts';
import { created } from '../../../support/builders/order-events.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

let api: InMemoryApi;
beforeAll(async () => {
  api = await startApiInMemory({ decisionWaitMs: 0 });
  api.log.landEvent(created('o'));
  await api.caughtUp();
});
afterAll(() => api.stop());

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string }[];
}
const operations = async (): Promise<{ method: string; path: string; operation: Operation }[]> => {
  const { paths } = (await api.get('/openapi.json')).json() as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
};

describe('an Idempotency-Key', () => {
  it('is 400 on every route that takes none, and in the specification of every route that takes one', async () => {
    const all = await operations();
    expect(all.length).toBeGreaterThan(25);
    for (const { method, path, operation } of all) {
      const { operationId, parameters = [] } = operation;
      const isKeyed = 'keyed' in OPERATIONS[operationId as keyof typeof OPERATIONS];
      expect([operationId, parameters.some(({ name }) => name.toLowerCase() === 'idempotency-key')]).toEqual([operationId, isKeyed]);
      const answer = await api.app.inject({
        method: method as 'GET',
        url: path.replaceAll(/\{[a-z_]+\}/g, 'x'),
        headers: { 'idempotency-key': 'k' },
      });
      if (isKeyed) expect([operationId, answer.json().code]).not.toEqual([operationId, 'KEY_NOT_SUPPORTED']);
      else expect([operationId, answer.json()]).toMatchObject([operationId, { status: 400, code: 'KEY_NOT_SUPPORTED' }]);
    }
  });

  it.each(['', '"', '"abc', 'ä', 'x'.repeat(256), 'a\tb'])('%j is 400', async (key) => {
    const answer = await api.post({ user_id: 1, item_ids: [1], total_amount: 1 }, { 'idempotency-key': key });
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ path: 'header/Idempotency-Key' }] });
  });
});

describe('a header that is sent twice', () => {
  const send = (
    headers: Record<string, string | string[]>,
    url = '/orders',
    payload: unknown = { user_id: 1, item_ids: [1], total_amount: 1 },
  ) =>
    api.app.inject({ method: 'POST', url, headers: { 'content-type': 'application/json', ...headers }, payload: JSON.stringify(payload) });

  it.each(['/orders', '/orders/o/cancel', '/products', '/orders/populate'])(
    'with two keys is 400 on POST %s: it stands for one of them',
    async (url) => {
      const before = api.log.records.flat().length;
      expect((await send({ 'idempotency-key': ['one', 'two'] }, url)).json()).toMatchObject({
        status: 400,
        errors: [{ path: 'header/Idempotency-Key', message: 'is sent twice with different values' }],
      });
      expect(api.log.records.flat()).toHaveLength(before);
    },
  );

  it('with one key is that key', async () => {
    const first = await send({ 'idempotency-key': 'one' });
    const again = await send({ 'idempotency-key': ['one', 'one'] });
    expect(again).toMatchObject({ statusCode: 201, body: first.body });
  });

  it.each(['authorization', 'consistency-token', 'content-type', 'host', 'origin'])('%s is 400 when the two differ', async (name) => {
    const headers = { host: '127.0.0.1', [name]: ['127.0.0.1', 'application/json'] };
    expect((await send(headers)).json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
  });
});
