// Queries and headers that are lists: as many entries as any client needs, and not the thousands that fit into 16 KiB.

import { parse } from 'node:querystring';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quality } from '../../../../api/http/guards/http-guard.ts';
import { parseQuery, QUERY_PARAMETERS_MAX } from '../../../../api/http/query-parameters.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

let api: InMemoryApi;
beforeAll(async () => {
  api = await startApiInMemory();
});
afterAll(() => api.stop());

const named = (count: number, name = (n: number) => `p${n}`) => Array.from({ length: count }, (_, n) => `${name(n)}=1`).join('&');

describe('a query', () => {
  it.each([
    ['names', (n: number) => `p${n}`],
    ['repetitions of one', () => 'limit'],
    ['empty ones', () => ''],
  ])('with more %s than any route has is refused, and no more than these are parsed', async (_what, name) => {
    const answer = await api.get(`/orders?${named(QUERY_PARAMETERS_MAX + 1, name)}`);
    const errors = [{ path: 'query', message: `must not have more than ${QUERY_PARAMETERS_MAX} parameters` }];
    expect(answer.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', errors });
    const parsed = Object.values(parseQuery(named(4_000, name))).flat();
    expect(parsed).toHaveLength(QUERY_PARAMETERS_MAX);
  });

  it('with as many as are allowed is checked name by name', async () => {
    const { errors } = (await api.get(`/orders?${named(QUERY_PARAMETERS_MAX)}`)).json<{ errors: { path: string }[] }>();
    expect(errors[0]!.path).toBe('query/p0');
  });

  it('is refused on a path without a route as the path is', async () => {
    expect((await api.get(`/nothing?${named(4_000)}`)).statusCode).toBe(404);
  });

  it.each(['', 'a=1', 'a=1&a=2', 'a+b=%20c', 'a', '=', '&&', 'a=%zz', 'a=b=c', '__proto__=1'])('is read as ever: %j', (query) => {
    expect({ ...parseQuery(query) }).toEqual({ ...parse(query) });
  });
});

describe('a header that is a list', () => {
  it('is read as far as clients write', () => {
    const others = (count: number) => 'text/html, '.repeat(count);
    expect(quality(`${others(31)}application/json`, 'application/json')).toBe(1);
    expect(quality(`${others(7_000)}application/json`, 'application/json')).toBe(0);
    expect(quality(`application/json${';a=b'.repeat(3_000)};q=0`, 'application/json')).toBe(1);
  });
});
