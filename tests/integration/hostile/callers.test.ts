// Goal: callers with bad intentions do not get in, do not lock out, and do not slow down those with good ones.
// Method: a service with access control, behind a proxy that it trusts: this test, which names the addresses that requests come from.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FEEDS_PER_CALLER_MAX } from '../../../api/access/feed-sessions.ts';
import { ATTEMPTS_MAX, SOURCE_ATTEMPTS_MAX } from '../../../api/access/limits/attempts.ts';
import { basic } from '../../support/in-memory/accounts.ts';
import { openFeed } from '../../support/stack/service/feed-client.ts';
import { ordersCli } from '../../support/stack/service/orders-cli.ts';
import { type Service, startService } from '../../support/stack/service/service.ts';

const PER_SECOND = 50;
const ENV = {
  AUTH: 'required',
  JWT_SECRET: 'thirty-two bytes and a few more of them',
  METRICS_TOKEN: 'the-scraper-s-token',
  RATE_LIMIT_PER_SECOND: String(PER_SECOND),
  TRUSTED_PROXIES: '127.0.0.1',
};
const PASSWORD = 'correct horse battery';

let service: Service;
let client: Record<string, string>;
let administrator: Record<string, string>;
beforeAll(async () => {
  service = await startService(ENV);
  client = { authorization: await newClient('operator') };
  administrator = { authorization: await newClient('admin') };
});
afterAll(() => service.stop());

const newClient = async (role: string): Promise<string> => {
  const { stdout } = await ordersCli(['--json', 'create-client', '--name', 'test', '--role', role], service.env);
  const { client_id: id, client_secret: secret } = JSON.parse(stdout) as { client_id: string; client_secret: string };
  return basic(id, secret);
};
const ask = async (from: string, path: string, headers: Record<string, string> = {}, body?: object) => {
  const response = await fetch(`${service.roles.api.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-forwarded-for': from, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as { code?: string; detail?: string; token?: string; ticket?: string };
  return { ...answer, status: response.status };
};
const newUser = async (email: string) => {
  expect((await ask('192.0.2.200', '/users', administrator, { email, name: 'Test', password: PASSWORD })).status).toBe(201);
};
const signIn = (from: string, email: string, password: string) => ask(from, '/auth', {}, { email, password });
/** How many answers there were of each status. */
const counted = (answers: readonly { status: number }[]): Record<number, number> => {
  const found: Record<number, number> = {};
  for (const { status } of answers) found[status] = (found[status] ?? 0) + 1;
  return found;
};

describe('a flood of wrong credentials from one address', () => {
  it('is looked up as often as the limit says, and holds up no known caller there, and nobody elsewhere', async () => {
    expect((await ask('198.51.100.1', '/orders', client)).status).toBe(200);
    const startedAt = performance.now();
    const flood = Array.from({ length: 10 * PER_SECOND }, (_, n) =>
      ask('198.51.100.1', '/orders', { authorization: basic(`c_${String(n).padStart(20, '0')}`, 'x'.repeat(43)) }),
    );
    const meanwhile = await Promise.all([
      ask('198.51.100.1', '/orders', client),
      ask('198.51.100.1', '/health/ready'),
      ask('198.51.100.2', '/orders'),
      fetch(`${service.roles.api.url}/metrics`, { headers: { authorization: `Bearer ${ENV.METRICS_TOKEN}` } }),
    ]);
    expect(meanwhile.map(({ status }) => status)).toEqual([200, 200, 401, 200]);
    const found = counted(await Promise.all(flood));
    const seconds = Math.ceil((performance.now() - startedAt) / 1_000) + 1;
    expect(Object.keys(found)).toEqual(['401', '429']);
    expect(found[401]).toBeLessThanOrEqual(seconds * PER_SECOND);
  });

  it('is the same for unknown paths, and for what is no address', async () => {
    for (const from of ['198.51.100.3', 'nobody, <script>', '2001:db8::1']) {
      const flood = await Promise.all(Array.from({ length: 6 * PER_SECOND }, () => ask(from, '/nothing')));
      expect(Object.keys(counted(flood)), from).toEqual(['404', '429']);
    }
  });
});

describe('guessing a password', () => {
  it('from many addresses at once is five guesses a minute together, and the user signs in where they always do', async () => {
    await newUser('ada@example.com');
    expect((await signIn('192.0.2.1', 'ada@example.com', PASSWORD)).status).toBe(200);
    const guesses = await Promise.all(Array.from({ length: 40 }, (_, n) => signIn(`203.0.113.${n}`, 'ada@example.com', `guess ${n}`)));
    expect(counted(guesses)).toEqual({ 401: ATTEMPTS_MAX, 429: 40 - ATTEMPTS_MAX });
    const typos = [await signIn('192.0.2.1', 'ada@example.com', 'a typing error'), await signIn('192.0.2.1', 'Ada@example.com', PASSWORD)];
    expect(typos.map(({ status }) => status)).toEqual([401, 200]);
    expect(await signIn('192.0.2.2', 'ada@example.com', 'not mine')).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
  });

  it('from one IPv6 network is from one source, and so is one password tried on many names', async () => {
    const sprayed: { status: number }[] = [];
    for (let n = 0; n < SOURCE_ATTEMPTS_MAX + 5; n += 1) {
      sprayed.push(await signIn(`2001:db8:7:7::${n.toString(16)}`, `nobody${n}@example.com`, 'password1'));
    }
    expect(counted(sprayed)).toEqual({ 401: SOURCE_ATTEMPTS_MAX, 429: 5 });
  });
});

describe('the feed', () => {
  it('opens once with a ticket that was overheard', async () => {
    const { ticket } = await ask('192.0.2.1', '/auth/ticket', client, {});
    const feed = await openFeed(service.roles.api.url, `/feed?ticket=${ticket}`);
    await expect(openFeed(service.roles.api.url, `/feed?ticket=${ticket}`)).rejects.toThrow('401');
    feed.socket.close();
    await feed.closed;
  });

  it('opens twenty times for one caller, and then for others', async () => {
    const hoarder = { authorization: await newClient('operator') };
    const open = (headers: Record<string, string>) => openFeed(service.roles.api.url, '/feed', headers);
    await ask('192.0.2.1', '/orders', hoarder);
    const feeds = await Promise.all(Array.from({ length: FEEDS_PER_CALLER_MAX }, () => open(hoarder)));
    const more = await open(hoarder);
    expect(await more.closed).toMatchObject({ code: 1013 });
    const other = await open(client);
    expect(other.frames[0]).toMatchObject({ type: 'subscribed' });
    for (const { socket } of [...feeds, other]) socket.close();
  });
});
