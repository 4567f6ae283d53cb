// People and access on the real thing: an api that requires credentials, accounts made with the operator's command line.

import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { basic } from '../support/in-memory/accounts.ts';
import { openFeed } from '../support/stack/service/feed-client.ts';
import { startRole } from '../support/stack/service/role-process.ts';
import { type Service, startService } from '../support/stack/service/service.ts';

const CHECKOUT = resolve(import.meta.dirname, '../..');
const ENV = {
  AUTH: 'required',
  JWT_SECRET: 'thirty-two bytes and a few more of them',
  METRICS_TOKEN: 'the-scraper-s-token',
  PROCESSING_TIME_MS: '50',
};

let service: Service;
beforeAll(async () => {
  service = await startService(ENV);
});
afterAll(() => service.stop());

const orders = (args: string[], stdin = ''): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((settle) => {
    const { kafka, database } = inject('stack');
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      KAFKA_BROKERS: kafka,
      DATABASE_URL: database,
      ACCOUNTS_SCHEMA: service.env.ACCOUNTS_SCHEMA,
    };
    const child = execFile(process.execPath, [join(CHECKOUT, 'ops/cli/main.ts'), ...args], { env }, (error, stdout, stderr) =>
      settle({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    child.stdin!.end(stdin);
  });
const call = async (method: string, path: string, authorization: string | null, body?: unknown) => {
  const response = await fetch(`${service.roles.api.url}${path}`, {
    method,
    headers: {
      ...(authorization === null ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text.startsWith('{') ? JSON.parse(text) : null };
};

describe('the first administrator', () => {
  it('is made on the command line, the password from stdin, and signs in', async () => {
    const made = await orders(
      ['--json', 'create-user', '--email', 'root@example.com', '--name', 'Root', '--role', 'admin'],
      'a long password\n',
    );
    expect(made).toMatchObject({ code: 0 });
    expect(JSON.parse(made.stdout)).toMatchObject({ email: 'root@example.com', role: 'admin' });
    const signedIn = await call('POST', '/auth', null, { email: 'ROOT@example.com', password: 'a long password' });
    expect(signedIn).toMatchObject({ status: 200, body: { token_type: 'Bearer', expires_in: 900 } });
    expect(await call('GET', '/users', `Bearer ${signedIn.body.token}`)).toMatchObject({ status: 200 });
  });

  it('is refused in one sentence where the rules say so', async () => {
    const twice = await orders(['create-user', '--email', 'Root@example.com', '--name', 'R', '--role', 'admin'], 'a long password\n');
    expect(twice).toMatchObject({ code: 1, stderr: 'There is a user with the email Root@example.com already.\n' });
    const short = await orders(['create-user', '--email', 'x@example.com', '--name', 'R', '--role', 'admin'], 'short\n');
    expect(short).toMatchObject({ code: 1, stderr: '/password must NOT have fewer than 8 characters.\n' });
    const none = await orders(['create-user', '--email', 'x@example.com', '--name', 'R', '--role', 'admin']);
    expect(none).toMatchObject({ code: 1, stderr: 'No password was given.\n' });
    expect((await orders(['create-client', '--name', 'x', '--role', 'emperor'])).code).toBe(1);
  });
});

describe('the life of a customer', () => {
  it('goes from being added over orders and the feed to being erased', async () => {
    const shop = JSON.parse((await orders(['--json', 'create-client', '--name', 'shop', '--role', 'admin'])).stdout);
    const admin = basic(shop.client_id, shop.client_secret);
    const added = await call('POST', '/users', admin, { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery' });
    expect(added.status).toBe(201);
    const ada = basic('ada@example.com', 'correct horse battery');

    const { body } = await call('POST', '/auth/ticket', ada);
    const feed = await openFeed(service.roles.api.url, `/feed?ticket=${body.ticket}`);
    const stranger = await call('POST', '/orders', admin, { user_id: 'somebody', item_ids: [1], total_amount: 5 });
    const own = await call('POST', '/orders', ada, { item_ids: [1], total_amount: 7 });
    expect(own).toMatchObject({ status: 201, body: { order: { user_id: added.body.user_id } } });
    const frames = await feed.seen(3, own.body.order_id);
    expect(frames.at(-1)).toMatchObject({ status: 'completed' });
    expect(feed.orders(stranger.body.order_id)).toEqual([]);
    expect((await call('GET', `/orders/${stranger.body.order_id}`, ada)).status).toBe(404);
    const listed = await call('GET', `/orders?after=${own.headers.get('consistency-token')}`, ada);
    expect(listed.body.orders.map((order: { order_id: string }) => order.order_id)).toEqual([own.body.order_id]);
    const history = await call('GET', `/orders/${own.body.order_id}/events`, ada);
    expect(history.body.events[0]).toMatchObject({ actor: `user:${added.body.user_id}` });

    expect((await call('DELETE', `/users/${added.body.user_id}`, admin)).status).toBe(204);
    expect(await feed.closed).toMatchObject({ code: 4003 });
    expect((await call('GET', '/orders', ada)).status).toBe(401);
    expect((await call('GET', `/orders/${own.body.order_id}`, admin)).body).toMatchObject({ user_id: added.body.user_id });
  });
});

describe('/metrics', () => {
  it.each(['api', 'processor', 'projector'] as const)('of the %s is for the scraper', async (role) => {
    const { url } = service.roles[role];
    const ask = async (headers: Record<string, string>) => (await fetch(`${url}/metrics`, { headers })).status;
    expect(await ask({})).toBe(401);
    expect(await ask({ authorization: 'Bearer wrong' })).toBe(401);
    expect(await ask({ authorization: `Bearer ${ENV.METRICS_TOKEN}` })).toBe(200);
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
  });
});

describe('starting', () => {
  it.each([
    ['without a secret', { JWT_SECRET: '' }, 'AUTH=required needs JWT_SECRET'],
    ['with a short secret', { JWT_SECRET: 'short' }, 'at least 32 bytes'],
    ['for others without access control', { AUTH: 'off', HOST: '0.0.0.0' }, 'AUTH=off serves loopback only'],
    ['with an origin that is none', { CORS_ORIGINS: 'shop.example' }, 'CORS_ORIGINS'],
    ['with a proxy that is none', { TRUSTED_PROXIES: '10.0.0.0/33' }, 'TRUSTED_PROXIES has an entry that is no address or network'],
  ])('%s is refused', async (_what, env, message) => {
    await expect(startRole('api', { ...ENV, ...env })).rejects.toThrow(message);
  });
});
