// The OpenAPI document says which statuses and headers answers have.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCESS_OFF, ACCESS_REQUIRED } from '../../../support/in-memory/accounts.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { type Documented, documentOf, undescribedHeaders } from './document.ts';

let api: InMemoryApi;
let document: Documented;
let authorization: string;
let customer: string;
beforeAll(async () => {
  api = await startApiInMemory({ access: ACCESS_REQUIRED, decisionWaitMs: 0 });
  document = await documentOf(api);
  authorization = (await api.accounts.addClient('admin')).authorization;
  customer = (await api.accounts.addClient('customer')).authorization;
});
afterAll(() => api.stop());

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
interface Sent {
  headers?: Record<string, string>;
  payload?: string | object;
}
const answer = async (method: Method, template: string, url: string, { headers = {}, payload }: Sent = {}) => {
  const answered = await api.app.inject({
    method,
    url,
    headers: { authorization, ...headers },
    ...(payload === undefined ? {} : { payload }),
  });
  const described = document.paths[template]![method.toLowerCase()]!.responses[String(answered.statusCode)];
  return { answered, described };
};

describe('bodies in forms that none reads', () => {
  it.each<[Method, string]>([
    ['GET', '/orders'],
    ['POST', '/auth/ticket'],
    ['DELETE', '/users/{user_id}'],
  ])('are answered by %s %s as the document says', async (method, template) => {
    const url = template.replace('{user_id}', 'none');
    const compressed = await answer(method, template, url, { headers: { 'content-encoding': 'gzip' }, payload: 'x' });
    expect(compressed.answered.statusCode).toBe(415);
    expect(compressed.described).toBeDefined();
  });

  it.each<[Method, string]>([
    ['POST', '/auth/ticket'],
    ['DELETE', '/users/{user_id}'],
  ])('and too large or malformed ones by %s %s, which asks for none', async (method, template) => {
    const url = template.replace('{user_id}', 'none');
    const json = { headers: { 'content-type': 'application/json' } };
    const malformed = await answer(method, template, url, { ...json, payload: '{' });
    expect(malformed.answered.json()).toMatchObject({ code: 'MALFORMED_JSON' });
    expect(Object.keys(malformed.described!.content['application/problem+json']!.examples!)).toContain('MALFORMED_JSON');
    const large = await answer(method, template, url, { ...json, payload: `"${'x'.repeat(1_100_000)}"` });
    expect(large.answered.statusCode).toBe(413);
    expect(large.described).toBeDefined();
  });
});

describe('a part of the path that is longer than any id', () => {
  it('is answered by every operation as the document says', async () => {
    const templates = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).flatMap((method) => (path.includes('{') ? [[method.toUpperCase() as Method, path] as const] : [])),
    );
    expect(templates.length).toBeGreaterThan(10);
    for (const [method, template] of templates) {
      const { answered, described } = await answer(method, template, template.replaceAll(/\{\w+\}/g, 'x'.repeat(1_100)));
      expect(described, `${method} ${template}: ${answered.statusCode}`).toBeDefined();
    }
  });
});

describe('headers', () => {
  it.each<[string, Method, string, string, Sent, number]>([
    ['without credentials', 'GET', '/orders', '/orders', { headers: { authorization: '' } }, 401],
    ['a product with its place', 'POST', '/products', '/products', { payload: { product_id: 'lamp', name: 'Lamp', price: 1 } }, 201],
    ['a product whose id is taken', 'POST', '/products', '/products', { payload: { product_id: 'lamp', name: 'Lamp', price: 1 } }, 409],
    ['a request for a change', 'PUT', '/products/{product_id}', '/products/lamp', { payload: { price: 2 } }, 202],
    ['an order', 'POST', '/orders', '/orders', { payload: { user_id: 1, order_id: 'one', item_ids: [1], total_amount: 1 } }, 201],
    ['the order', 'GET', '/orders/{order_id}', '/orders/one', {}, 200],
    ['the order that the client has', 'GET', '/orders/{order_id}', '/orders/one', { headers: { 'if-none-match': '*' } }, 304],
    ['a command that is answered later', 'POST', '/orders/{order_id}/cancel', '/orders/one/cancel', {}, 202],
    ['a user', 'POST', '/users', '/users', { payload: { email: 'a@example.com', name: 'Ada', password: 'correct horse' } }, 201],
    ['an export', 'GET', '/orders/export', '/orders/export', {}, 200],
    ['metrics', 'GET', '/metrics', '/metrics', {}, 200],
    ['a feed that is asked for without a handshake', 'GET', '/feed', '/feed', {}, 426],
  ])('of %s are in the document', async (_what, method, template, url, sent, status) => {
    const { answered, described } = await answer(method, template, url, sent);
    expect(answered.statusCode, answered.body).toBe(status);
    expect(undescribedHeaders(document, described!, answered.headers)).toEqual([]);
  });

  it('of an answer that is given again are in the document', async () => {
    const sent = { headers: { 'idempotency-key': 'again' }, payload: { user_id: 1, item_ids: [1], total_amount: 1 } };
    await answer('POST', '/orders', '/orders', sent);
    const { answered, described } = await answer('POST', '/orders', '/orders', sent);
    expect(answered.headers).toMatchObject({ 'idempotent-replayed': 'true' });
    expect(undescribedHeaders(document, described!, answered.headers)).toEqual([]);
  });

  it('of a read that waited for a token in vain are in the document', () => {
    const waiting = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).filter(({ parameters }) => parameters?.some(({ name }) => name === 'after')),
    );
    expect(waiting.length).toBeGreaterThan(4);
    for (const { responses, operationId } of waiting) expect(Object.keys(responses['200']!.headers!), operationId).toContain('Consistency');
  });

  it('of a refused command name the place of the refusal, as the document says', async () => {
    for (const path of [
      '/orders/{order_id}',
      '/orders/{order_id}/status',
      '/orders/{order_id}/cancel',
      '/orders/{order_id}/redrive',
      '/orders/{order_id}/fulfilment',
    ]) {
      for (const { operationId, responses } of Object.values(document.paths[path]!)) {
        if (operationId === 'getOrder' || operationId === 'getOrderStatus') continue;
        for (const status of ['409', '412']) expect(Object.keys(responses[status]!.headers!), operationId).toContain('Consistency-Token');
      }
    }
  });

  it('of a caller who asks too often say when it is worth another try', () => {
    for (const { responses, operationId } of Object.values(document.paths).flatMap((methods) => Object.values(methods))) {
      expect(Object.keys(responses['429']!.headers!), operationId).toContain('Retry-After');
      if (responses['503'] && operationId !== 'getReadiness') expect(Object.keys(responses['503'].headers!)).toContain('Retry-After');
    }
  });

  it('that a request may have instead of a parameter, or as a condition, are in the document', () => {
    const names = (path: string) => document.paths[path]!.get!.parameters!.map(({ name }) => name);
    for (const path of ['/orders', '/orders/export', '/orders/metrics', '/orders/{order_id}/status', '/orders/{order_id}/events']) {
      expect(names(path), path).toContain('consistency-token');
    }
    expect(names('/orders/{order_id}')).toEqual(expect.arrayContaining(['consistency-token', 'if-none-match']));
  });
});

describe('credentials', () => {
  it('are required by the document where the api asks for them, and may be left out with AUTH=off', async () => {
    const off = await startApiInMemory({ access: ACCESS_OFF });
    const open = await documentOf(off);
    await off.stop();
    const secured = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { security }]) => (security.length > 0 ? [[path, method] as const] : [])),
    );
    expect(secured.length).toBeGreaterThan(20);
    for (const [path, method] of secured) {
      expect(document.paths[path]![method]!.security).not.toContainEqual({});
      expect(open.paths[path]![method]!.security).toContainEqual({});
    }
    expect((await api.get('/products')).statusCode).toBe(401);
    expect((await api.get('/products', { authorization: customer })).statusCode).toBe(200);
  });
});
