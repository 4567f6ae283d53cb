// Headers: from which pages, what is compressed, and what credentials are.

import { gunzipSync } from 'node:zlib';
import { fastify } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { authorizeRequests } from '../../../../api/access/authorize.ts';
import type { AccessSettings } from '../../../../api/access/settings.ts';
import { COMPRESS_FROM_BYTES } from '../../../../api/http/compression.ts';
import { ACCESS_OFF, ACCESS_REQUIRED, basic, METRICS_TOKEN } from '../../../support/in-memory/accounts.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

const ORDER = { user_id: 1, item_ids: [1], total_amount: 1 };
const SHOP = 'https://shop.example';

const started: InMemoryApi[] = [];
afterEach(() => Promise.all(started.splice(0).map((api) => api.stop())));
const start = async (access: Partial<AccessSettings> = {}, base: AccessSettings = ACCESS_REQUIRED) => {
  const api = await startApiInMemory({ access: { ...base, ...access }, openOrdersMax: 10_000, tailMax: 10_000 });
  started.push(api);
  const { authorization } = await api.accounts.addClient('operator');
  return { api, operator: { authorization } };
};

describe('a page of another origin', () => {
  const preflight = { origin: SHOP, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' };

  it('that is allowed may call, and its browser is told what it may read', async () => {
    const { api, operator } = await start({ corsOrigins: [SHOP] });
    const asked = await api.app.inject({ method: 'OPTIONS', url: '/orders', headers: preflight });
    expect(asked.statusCode).toBe(204);
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': SHOP,
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': expect.stringMatching(/Authorization.*Idempotency-Key/),
    });
    const answer = await api.post(ORDER, { ...operator, origin: SHOP });
    expect(answer.statusCode).toBe(201);
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': SHOP, vary: expect.stringContaining('Origin') });
    expect(answer.headers['access-control-expose-headers']).toContain('Consistency-Token');
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
    expect((await api.get('/nothing', { origin: SHOP })).headers['access-control-allow-origin']).toBe(SHOP);
  });

  it.each([
    ['with no origin allowed', []],
    ['with another one allowed', ['https://other.example']],
  ])('is refused %s, with credentials too, and nothing is done', async (_what, corsOrigins) => {
    const { api, operator } = await start({ corsOrigins });
    for (const origin of [SHOP, 'null', 'https://other.example.evil.example', 'http://localhost:9']) {
      const answer = await api.post(ORDER, { ...operator, origin });
      expect(answer.statusCode, origin).toBe(403);
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    }
    expect((await api.app.inject({ method: 'OPTIONS', url: '/orders', headers: preflight })).statusCode).toBe(403);
    expect(api.log.records.flat()).toEqual([]);
  });

  it('is no page of ours, whichever scheme ours has outside', async () => {
    const { api, operator } = await start();
    for (const origin of ['http://orders.example', 'https://orders.example']) {
      expect((await api.get('/orders', { ...operator, host: 'orders.example', origin })).statusCode).toBe(200);
    }
  });

  it('is refused without access control even if it is configured', async () => {
    const { api } = await start({ corsOrigins: [SHOP] }, ACCESS_OFF);
    expect((await api.post(ORDER, { origin: SHOP })).statusCode).toBe(403);
    expect((await api.post(ORDER, { host: 'orders.example' })).statusCode).toBe(403);
  });
});

describe('compression', () => {
  const gzip = { 'accept-encoding': 'gzip, deflate, br' };
  const full = async () => {
    const { api, operator } = await start();
    for (let n = 0; n < 20; n += 1) await api.post(ORDER, operator);
    await api.caughtUp();
    api.readModel.catchUp();
    return { api, headers: { ...operator, ...gzip }, plain: operator };
  };

  it.each(['/orders', '/orders/export', '/orders/export?format=csv', '/metrics'])('of %s gives the same text', async (url) => {
    const { api, headers, plain } = await full();
    const long = await api.get(url, headers);
    expect(long.headers).toMatchObject({ 'content-encoding': 'gzip', vary: expect.stringContaining('Accept-Encoding') });
    const text = gunzipSync(long.rawPayload).toString();
    expect(long.rawPayload.length).toBeLessThan(text.length / 2);
    const short = await api.get(url, plain);
    expect(short.headers).not.toHaveProperty('content-encoding');
    if (url !== '/metrics') expect(text).toBe(short.body);
    if (long.headers['content-length'] !== undefined) expect(Number(long.headers['content-length'])).toBe(long.rawPayload.length);
  });

  it.each(['identity', 'br', 'gzip;q=0', ''])('is left out for Accept-Encoding: %s', async (encoding) => {
    const { api, headers } = await full();
    const answer = await api.get('/orders', { ...headers, 'accept-encoding': encoding });
    expect(answer.headers).not.toHaveProperty('content-encoding');
    expect(answer.json<{ orders: unknown[] }>().orders).toHaveLength(20);
  });

  it('is left out for what is short, for a submission, and for whatever holds a secret', async () => {
    const { api, headers } = await full();
    const page = await api.get('/orders?limit=1', headers);
    expect(page.body.length).toBeLessThan(COMPRESS_FROM_BYTES);
    const order = await api.post({ ...ORDER, item_ids: Array.from({ length: 90 }, (_, id) => id) }, headers);
    expect(order.body.length).toBeGreaterThan(COMPRESS_FROM_BYTES);
    const admin = { ...gzip, authorization: (await api.accounts.addClient('admin')).authorization };
    const user = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery' };
    const answers = [
      page,
      order,
      await api.post(user, admin, '/users'),
      await api.get('/users', admin),
      await api.post({ email: user.email, password: user.password }, gzip, '/auth'),
      await api.post({}, admin, '/auth/ticket'),
    ];
    for (const answer of answers) {
      expect(answer.statusCode).toBeLessThan(300);
      expect(answer.headers).not.toHaveProperty('content-encoding');
    }
  });

  it('leaves an answer to HEAD and a problem as they are', async () => {
    const { api, headers } = await full();
    const head = await api.app.inject({ method: 'HEAD', url: '/orders', headers });
    expect(head.statusCode).toBe(200);
    expect(head.body).toBe('');
    expect((await api.get('/orders?limit=0', headers)).json()).toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('credentials', () => {
  it.each([
    ['nothing', undefined],
    ['another scheme', 'Digest username="x"'],
    ['a bare word', 'Bearer'],
    ['a token of nobody', 'Bearer x.y.z'],
    ['Basic without a colon', `Basic ${Buffer.from('abc').toString('base64')}`],
    ['Basic that is not base64', 'Basic ÿÿÿ'],
    ['a client that there is not', basic('c_00000000000000000000', 'x')],
    ['a user id as name', basic('0199a1f0-7d2e-7c4b-9b1a-3f5d2c8e6a20', 'x')],
    ['a very long Basic', basic('x'.repeat(5_000), 'y')],
    ['the token of the scraper', `Bearer ${METRICS_TOKEN}`],
  ])('that are %s are 401 with a challenge', async (_what, authorization) => {
    const { api } = await start();
    const answer = await api.get('/orders', authorization === undefined ? {} : { authorization });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer .*Basic /);
    expect(answer.json()).toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('with another secret are nobody; and the body is not even read', async () => {
    const { api } = await start();
    const { id } = await api.accounts.addClient('operator');
    const answer = await api.post('{ not json', { authorization: basic(id, 'another-secret') });
    expect(answer.statusCode).toBe(401);
  });

  it('cannot be checked while the database is away: 503, not 401', async () => {
    const { api, operator } = await start();
    api.accounts.broken = true;
    const answer = await api.get('/orders', operator);
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBeDefined();
  });

  it('are asked of the database once for many requests', async () => {
    const { api, operator } = await start();
    for (let n = 0; n < 20; n += 1) expect((await api.get('/orders', operator)).statusCode).toBe(200);
    expect(api.accounts.asked).toBe(1);
  });

  it('open /metrics to the scraper', async () => {
    const { api } = await start();
    expect((await api.get('/metrics', { authorization: `Bearer ${METRICS_TOKEN}` })).statusCode).toBe(200);
    expect((await api.get('/metrics', { authorization: `Bearer ${METRICS_TOKEN}x` })).statusCode).toBe(401);
    const { api: without } = await start({ metricsToken: '' });
    expect((await without.get('/metrics', { authorization: 'Bearer ' })).statusCode).toBe(401);
  });

  it('are not asked for without access control, and those that are sent do no harm', async () => {
    const { api } = await start({}, ACCESS_OFF);
    expect((await api.post(ORDER, { authorization: 'Bearer nonsense' })).statusCode).toBe(201);
    const user = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery' };
    expect((await api.post(user, {}, '/users')).statusCode).toBe(201);
    expect((await api.post({ email: user.email, password: user.password }, {}, '/auth')).json()).toMatchObject({ token_type: 'Bearer' });
  });
});

describe('a route without a rule', () => {
  const options = { required: true, isMetricsToken: () => false, credentials: {} as never, orders: {} as never };
  it.each([true, false])('keeps the api from starting (access control: %s)', (required) => {
    const app = fastify();
    authorizeRequests(app, { ...options, required });
    expect(() => app.get('/secrets', () => 'x')).toThrow('GET /secrets has no rule');
    expect(() => app.get('/orders', { schema: { operationId: 'toString' } as object }, () => 'x')).toThrow('has no rule');
    expect(() => app.get('/docs/page', { schema: { hide: true } as object }, () => 'x')).not.toThrow();
    expect(() => app.get('/docsx', { schema: { hide: true } as object }, () => 'x')).toThrow('has no rule');
  });
});
