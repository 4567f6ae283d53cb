// The forms in which bodies come.
// What is not understood is 415 before it is read, what may be missing may be empty, and NDJSON has several names.

import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InMemoryApi, startApiInMemory } from '../../../../support/in-memory/api.ts';

let api: InMemoryApi;
beforeAll(async () => {
  api = await startApiInMemory({ decisionWaitMs: 0 });
});
afterAll(() => api.stop());

const ORDER = JSON.stringify({ user_id: 1, item_ids: [1], total_amount: 1 });
const post = (url: string, payload: string | Buffer, headers: Record<string, string>) =>
  api.app.inject({ method: 'POST', url, payload, headers });

describe('a body that is not read', () => {
  it.each(['gzip', 'br', 'deflate', 'gzip, identity'])('is 415 with Content-Encoding: %s', async (encoding) => {
    const answer = await post('/orders', gzipSync(ORDER), { 'content-type': 'application/json', 'content-encoding': encoding });
    expect(answer.json()).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it.each(['iso-8859-1', 'utf-16', '"latin1"'])('is 415 with charset=%s', async (charset) => {
    const answer = await post('/orders', ORDER, { 'content-type': `application/json; charset=${charset}` });
    expect(answer.json()).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('is so on streams too', async () => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip' };
    expect((await post('/orders/import', gzipSync(`${ORDER}\n`), headers)).statusCode).toBe(415);
  });

  it.each([
    { 'content-type': 'application/json; charset=utf-8' },
    { 'content-type': 'application/json;charset="UTF-8"' },
    { 'content-type': 'application/json; charset=utf8', 'content-encoding': 'identity' },
  ])('is not %j', async (headers) => {
    expect((await post('/orders', ORDER, headers as Record<string, string>)).statusCode).toBe(201);
  });

  it('is none where there is no body', async () => {
    expect((await api.get('/orders', { 'content-encoding': 'gzip', 'content-type': 'text/plain; charset=latin1' })).statusCode).toBe(200);
  });
});

describe('a body that may be missing', () => {
  it.each(['cancel', 'redrive'])('may be empty, named JSON all the same: %s', async (verb) => {
    for (const headers of [
      { 'content-type': 'application/json', 'content-length': '0' },
      { 'content-type': 'application/json; charset=utf-8' },
      {},
    ]) {
      const answer = await api.app.inject({ method: 'POST', url: `/orders/nothing/${verb}`, headers });
      expect(answer.json()).toMatchObject({ status: 404, code: 'ORDER_NOT_FOUND' });
    }
    const wrong = await post(`/orders/nothing/${verb}`, '{', { 'content-type': 'application/json' });
    expect(wrong.json()).toMatchObject({ status: 400, code: 'MALFORMED_JSON' });
    const proto = await post(`/orders/nothing/${verb}`, '{"__proto__":{}}', { 'content-type': 'application/json' });
    expect(proto.json()).toMatchObject({ status: 400, code: 'MALFORMED_JSON' });
    const other = await post(`/orders/nothing/${verb}`, 'x', { 'content-type': 'text/plain' });
    expect(other.json()).toMatchObject({ status: 415 });
  });

  it('is required everywhere else', async () => {
    const empty = await api.app.inject({ method: 'POST', url: '/orders', headers: { 'content-type': 'application/json' } });
    expect(empty.json()).toMatchObject({ status: 400 });
    const status = await api.app.inject({ method: 'PUT', url: '/orders/nothing/status', headers: { 'content-type': 'application/json' } });
    expect(status.json()).toMatchObject({ status: 400, errors: [{ path: '/status', message: 'is required' }] });
  });
});

it.each(['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonlines', 'application/json-lines'])(
  'NDJSON may be called %s',
  async (type) => {
    const answer = await post('/orders/import', `${ORDER}\n`, { 'content-type': type });
    expect(JSON.parse(answer.body)).toMatchObject({ line: 1, status: 201 });
  },
);
