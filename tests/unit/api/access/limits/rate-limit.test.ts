// How often callers may call: each by its own, and whom memory does not know by where they come from, before anything is looked up.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AccessSettings, accessSettings } from '../../../../../api/access/settings.ts';
import { ACCESS_OFF, ACCESS_REQUIRED, basic, METRICS_TOKEN } from '../../../../support/in-memory/accounts.ts';
import { type InMemoryApi, startApiInMemory } from '../../../../support/in-memory/api.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const ORDER = { user_id: 1, item_ids: [1], total_amount: 1 };
const UNKNOWN_CLIENT = basic('c_00000000000000000000', 'x'.repeat(43));
const PER_SECOND = 3;

const started: InMemoryApi[] = [];
beforeEach(steerTime); // a second that passes is a new window
afterEach(() => Promise.all(started.splice(0).map((api) => api.stop())));

type Headers = Record<string, string>;
const start = async (access: Partial<AccessSettings> = {}, base: AccessSettings = ACCESS_REQUIRED) => {
  const api = await startApiInMemory({
    access: { ...base, rateLimitPerSecond: PER_SECOND, ...access },
    openOrdersMax: 10_000,
    tailMax: 10_000,
  });
  started.push(api);
  const ask = (url: string, headers: Headers = {}, remoteAddress = '192.0.2.1', method: 'GET' | 'POST' | 'DELETE' = 'GET') =>
    api.app.inject({ method, url, headers, remoteAddress });
  /** The statuses of as many requests, one after the other. */
  const statuses = async (count: number, ...request: Parameters<typeof ask>) => {
    const found: number[] = [];
    for (let n = 0; n < count; n += 1) found.push((await ask(...request)).statusCode);
    return found;
  };
  const client = async () => ({ authorization: (await api.accounts.addClient('operator')).authorization });
  return { api, ask, statuses, client };
};

describe('a caller', () => {
  it('leaves nothing in the log of what it is refused', async () => {
    const { api, client } = await start({ rateLimitPerSecond: 1 });
    const headers = await client();
    const answers = await Promise.all([api.post(ORDER, headers), api.post(ORDER, headers)]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 429]);
    expect(api.log.records.flat()).toHaveLength(1);
  });

  it('that goes beyond the limit is told when to come again, and others are not concerned', async () => {
    const { api, client } = await start();
    const [one, other] = [await client(), await client()];
    const answers = await Promise.all(Array.from({ length: 5 }, () => api.get('/orders', one)));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 200, 429, 429]);
    const refused = answers.find(({ statusCode }) => statusCode === 429)!;
    expect(refused.json()).toMatchObject({ code: 'RATE_LIMITED', status: 429 });
    expect(refused.headers).toMatchObject({
      'retry-after': '1',
      'ratelimit-limit': '3',
      'ratelimit-remaining': '0',
      'ratelimit-reset': '1',
    });
    const letIn = await api.get('/orders', other);
    expect(letIn.statusCode).toBe(200);
    expect(letIn.headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '2' });
  });

  it('is counted whatever the route, the prefix and the credential', async () => {
    const { statuses, ask, client } = await start();
    const headers = await client();
    await ask('/orders', headers);
    expect([
      ...(await statuses(1, '/api/orders', headers)),
      ...(await statuses(1, '/nothing', headers, '192.0.2.9')),
      ...(await statuses(1, '/orders/metrics', headers)),
    ]).toEqual([200, 404, 429]);
  });

  it('has its own limit though nobody else gets in from its address, and when its role was read too long ago', async () => {
    const { api, ask, statuses, client } = await start();
    const headers = await client();
    const { authorization: other } = await client();
    expect((await ask('/orders', headers)).statusCode).toBe(200);
    const token = (await api.post({}, headers, '/auth/ticket')).statusCode;
    expect(token).toBe(200);
    await pass(40_000);
    expect(await statuses(PER_SECOND + 1, '/orders', { authorization: UNKNOWN_CLIENT })).toEqual([401, 401, 401, 429]);
    expect(await statuses(1, '/orders', { authorization: other })).toEqual([429]);
    expect(await statuses(PER_SECOND + 1, '/orders', headers)).toEqual([200, 200, 200, 429]);
    await pass(1_000);
    expect(await statuses(1, '/orders', { authorization: other })).toEqual([200]);
  });

  it('whose credential is not in memory yet costs its address nothing', async () => {
    const { ask, client } = await start();
    const callers = await Promise.all(Array.from({ length: 3 * PER_SECOND }, client));
    for (const headers of callers) {
      const answer = await ask('/orders', headers);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['ratelimit-remaining']).toBe(String(PER_SECOND - 1));
    }
  });

  it('that signs in has its own limit by token and by password, and its address has when the token has ended', async () => {
    const { api, ask, statuses, client } = await start({ rateLimitPerSecond: 8 });
    const admin = { authorization: (await api.accounts.addClient('admin')).authorization };
    const user = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery' };
    const { user_id: id } = (await api.post(user, admin, '/users')).json<{ user_id: string }>();
    const { token } = (await api.post({ email: user.email, password: user.password }, {}, '/auth')).json<{ token: string }>();
    const bearer = { authorization: `Bearer ${token}` };
    const password = { authorization: basic(user.email, user.password) };
    for (const headers of [bearer, password]) expect((await ask('/orders', headers)).statusCode).toBe(200);
    expect(await statuses(9, '/orders', await unknown())).toEqual([401, 401, 401, 401, 401, 401, 401, 401, 429]);
    for (const headers of [bearer, password]) expect((await ask('/orders', headers)).statusCode).toBe(200);
    await pass(1_000);
    expect((await ask(`/users/${id}`, admin, '192.0.2.1', 'DELETE')).statusCode).toBe(204);
    expect((await ask('/orders', bearer)).statusCode).toBe(401);
    await statuses(9, '/orders', await unknown());
    for (const headers of [bearer, password]) expect((await ask('/orders', headers)).statusCode).toBe(429);
    expect((await ask('/orders', await client(), '192.0.2.2')).statusCode).toBe(200);
  });
});

const unknown = async () => ({ authorization: UNKNOWN_CLIENT });

describe('a request that is refused', () => {
  it.each<[string, string, Headers]>([
    ['without a credential', '/orders', {}],
    ['for a token of nobody', '/orders', { authorization: 'Bearer x.y.z' }],
    ['for a client that there is not', '/orders', { authorization: UNKNOWN_CLIENT }],
    ['for a ticket of nobody', '/feed?ticket=x.y.z', {}],
    ['for a credential at /metrics', '/metrics', { authorization: UNKNOWN_CLIENT }],
    ['for its path', '/nothing', {}],
    ['for its method', '/orders/export/x/y', {}],
    ['for its origin', '/orders', { origin: 'https://shop.example' }],
    ['for the host and path of the feed', '/orders', { upgrade: 'websocket', connection: 'upgrade' }],
    ['for its query', `/orders?${'a&'.repeat(50)}`, {}],
    ['for the form of its body', '/auth', { 'content-encoding': 'br', 'content-length': '5' }],
  ])('%s counts for where it comes from', async (_what, url, headers) => {
    const { ask, statuses } = await start();
    const found = await statuses(PER_SECOND + 2, url, headers);
    expect(found.slice(0, PER_SECOND).every((status) => status >= 400 && status !== 429)).toBe(true);
    expect(found.slice(PER_SECOND)).toEqual([429, 429]);
    expect((await ask(url, headers)).headers).toMatchObject({ 'retry-after': '1', 'ratelimit-remaining': '0' });
    expect(await statuses(1, '/orders', {}, '192.0.2.2')).toEqual([401]);
    await pass(1_000);
    expect(await statuses(1, '/orders')).toEqual([401]);
  });

  it('for its rate has not been looked up', async () => {
    const { api, statuses } = await start();
    const clients = Array.from({ length: 10 }, (_, n) => basic(`c_${String(n).padStart(20, '0')}`, 'x'.repeat(43)));
    for (const authorization of clients) await statuses(1, '/orders', { authorization });
    expect(api.accounts.asked).toBe(PER_SECOND);
  });

  it('for its rate says so to the page that asked', async () => {
    const { ask } = await start({ corsOrigins: ['https://shop.example'] });
    const headers = { origin: 'https://shop.example' };
    for (let n = 0; n < PER_SECOND; n += 1) await ask('/orders', headers);
    const answer = await ask('/orders', headers);
    expect(answer.statusCode).toBe(429);
    expect(answer.headers).toMatchObject({ 'access-control-allow-origin': headers.origin, 'x-request-id': expect.any(String) });
  });
});

describe('what does not count', () => {
  it.each<[string, Headers, number]>([
    ['/health/live', {}, 200],
    ['/health/ready', { authorization: 'Bearer x' }, 200],
    ['/metrics', { authorization: `Bearer ${METRICS_TOKEN}` }, 200],
    ['/metrics', {}, 401],
    ['/docs', {}, 200],
    ['/docs/static/swagger-ui.css', {}, 200],
    ['/docs/errors', {}, 200],
    ['/api/openapi.json', {}, 200],
  ])('%s with %j answers as often as it is asked, whatever else its address has asked', async (url, headers, status) => {
    const { statuses } = await start();
    expect(await statuses(3 * PER_SECOND, url, headers)).toEqual(Array.from({ length: 3 * PER_SECOND }, () => status));
    expect(await statuses(PER_SECOND + 1, '/orders')).toEqual([401, 401, 401, 429]);
    expect(await statuses(2, url, headers)).toEqual([status, status]);
  });

  it('/metrics for an operator, whose own limit stays whole', async () => {
    const { statuses, ask, client } = await start();
    const headers = await client();
    expect(await statuses(3 * PER_SECOND, '/metrics', headers)).toEqual(Array.from({ length: 3 * PER_SECOND }, () => 200));
    expect((await ask('/orders', headers)).headers['ratelimit-remaining']).toBe(String(PER_SECOND - 1));
  });

  it('anything without access control: 1,000 submissions at once with default settings meet no 429', async () => {
    const none = { JWT_SECRET: '', METRICS_TOKEN: '', CORS_ORIGINS: '', TRUSTED_PROXIES: '' };
    const { api } = await start({ rateLimitPerSecond: 200 }, accessSettings({ ...none, AUTH: 'off', RATE_LIMIT_PER_SECOND: 200 }));
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => api.post(ORDER)));
    expect(answers.filter(({ statusCode }) => statusCode !== 201)).toEqual([]);
    expect(answers[0]!.headers).not.toHaveProperty('ratelimit-limit');
  });
});

describe('where a request comes from', () => {
  const full = [401, 401, 401, 429];

  it('is the network of an IPv6 address, and the IPv4 address in a mapped one', async () => {
    const { statuses } = await start();
    expect(await statuses(PER_SECOND + 1, '/orders', {}, '2001:db8:1:2::1')).toEqual(full);
    expect(await statuses(1, '/orders', {}, '2001:db8:1:2:ffff::9')).toEqual([429]);
    expect(await statuses(1, '/orders', {}, '2001:db8:1:3::1')).toEqual([401]);
    expect(await statuses(PER_SECOND + 1, '/orders', {}, '::ffff:192.0.2.7')).toEqual(full);
    expect(await statuses(1, '/orders', {}, '192.0.2.7')).toEqual([429]);
  });

  it('is not what X-Forwarded-For says, as long as no proxy is trusted', async () => {
    const { statuses } = await start();
    await statuses(PER_SECOND, '/orders', { 'x-forwarded-for': '198.51.100.1' });
    expect(await statuses(1, '/orders', { 'x-forwarded-for': '198.51.100.2' })).toEqual([429]);
  });

  it('is the client that a trusted proxy names, so that its users are not one', async () => {
    const { statuses } = await start({ trustedProxies: ['10.0.0.0/8', '2001:db8::5'] });
    const by = (proxy: string, forwarded: string, count = 1) => statuses(count, '/orders', { 'x-forwarded-for': forwarded }, proxy);
    expect(await by('10.1.2.3', '198.51.100.1', PER_SECOND + 1)).toEqual(full);
    expect(await by('10.1.2.3', '198.51.100.2')).toEqual([401]);
    expect(await by('2001:db8::5', '198.51.100.1, 10.9.9.9')).toEqual([429]); // over two proxies of ours
    expect(await by('::ffff:10.1.2.3', '198.51.100.1:4711')).toEqual([429]);
    expect(await by('10.1.2.3', '203.0.113.1, 198.51.100.1')).toEqual([429]); // what the client itself wrote is not believed
    expect(await by('192.0.2.1', '198.51.100.1')).toEqual([401]); // nor what anybody else wrote
  });

  it.each([
    'garbage',
    '',
    ', ,',
    '999.1.1.1',
    '127.1',
    '0x7f000001',
    '<script>',
    'unknown',
    '_hidden',
    '[::1',
    '198.51.100.1, nobody',
    'x'.repeat(8_000),
  ])('is the proxy itself where it names %j', async (forwarded) => {
    const { statuses } = await start({ trustedProxies: ['10.0.0.0/8'] });
    expect(await statuses(PER_SECOND, '/orders', { 'x-forwarded-for': forwarded }, '10.0.0.1')).toEqual(full.slice(0, PER_SECOND));
    expect(await statuses(1, '/orders', {}, '10.0.0.1')).toEqual([429]);
  });
});

describe('TRUSTED_PROXIES', () => {
  const variables = { AUTH: 'off', JWT_SECRET: '', METRICS_TOKEN: '', RATE_LIMIT_PER_SECOND: 1, CORS_ORIGINS: '' } as const;
  const proxies = (list: string) => accessSettings({ ...variables, TRUSTED_PROXIES: list }).trustedProxies;

  it('is a list of addresses and networks, empty by default', () => {
    expect(ACCESS_OFF.trustedProxies).toEqual([]);
    expect(proxies('10.0.0.0/8, 192.0.2.1 ,2001:db8::/32,::1')).toEqual(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1']);
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0/8',
    'proxy.example',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '::/129',
    '1',
    'loopback',
    '10.0.0.0/-1',
    '10.0.0.0/x',
  ])('refuses %s in one sentence', (entry) => {
    expect(() => proxies(`192.0.2.1,${entry}`)).toThrow(
      `TRUSTED_PROXIES has an entry that is no address or network like 10.0.0.0/8: ${entry}`,
    );
  });
});
