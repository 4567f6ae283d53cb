// What a customer is kept to, beyond who may call what (matrix.test.ts): bodies, lists, histories, requests and frames.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FEEDS_PER_CALLER_MAX } from '../../../../api/access/feed-sessions.ts';
import { created, event, fact } from '../../../support/builders/order-events.ts';
import { eventually } from '../../../support/eventually.ts';
import { ACCESS_REQUIRED, basic } from '../../../support/in-memory/accounts.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { openFeed } from '../../../support/stack/service/feed-client.ts';

const PASSWORD = 'correct horse battery';
const LINES = { item_ids: [1], total_amount: 1 };

let api: InMemoryApi;
let operator: Record<string, string>;
let admin: Record<string, string>;
beforeEach(async () => {
  api = await startApiInMemory({ access: ACCESS_REQUIRED, decisionWaitMs: 0 });
  operator = { authorization: (await api.accounts.addClient('operator')).authorization };
  admin = { authorization: (await api.accounts.addClient('admin')).authorization };
});
afterEach(async () => {
  await api.stop();
  expect(api.fatal).toEqual([]);
});

const addCustomer = async (email = 'ada@example.com') => {
  const answer = await api.post({ email, name: 'Ada', password: PASSWORD }, admin, '/users');
  expect(answer.statusCode).toBe(201);
  const { token } = (await api.post({ email, password: PASSWORD }, {}, '/auth')).json<{ token: string }>();
  return { id: answer.json<{ user_id: string }>().user_id, headers: { authorization: `Bearer ${token}` } };
};
type Customer = Awaited<ReturnType<typeof addCustomer>>;
const orderOf = async ({ headers }: Customer) => (await api.post(LINES, headers)).json<{ order_id: string }>().order_id;

describe('a submission of a customer', () => {
  it('is theirs, named or not', async () => {
    const ada = await addCustomer();
    for (const body of [LINES, { ...LINES, user_id: ada.id }]) {
      const answer = await api.post(body, ada.headers);
      expect(answer.statusCode).toBe(201);
      expect(answer.json()).toMatchObject({ order: { user_id: ada.id } });
    }
    expect(api.log.records.flat().every(({ headers }) => headers.ce_actor?.toString() === `user:${ada.id}`)).toBe(true);
  });

  it.each([
    ['for somebody else', { user_id: 'somebody' }],
    ['for a number', { user_id: 101 }],
    ['under an id of their choice', { order_id: 'mine' }],
  ])('%s is refused, and nothing is recorded', async (_what, more) => {
    const ada = await addCustomer();
    const answer = await api.post({ ...LINES, ...more }, ada.headers);
    expect(answer.statusCode).toBe(403);
    expect(answer.json()).toMatchObject({ code: 'FORBIDDEN' });
    expect(api.log.records.flat()).toEqual([]);
  });

  it('of an operator has to say whose it is', async () => {
    const answer = await api.post(LINES, operator);
    expect(answer.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/user_id', message: 'is required' }] });
  });

  it('has its idempotency keys to itself, the same by token and by password', async () => {
    const ada = await addCustomer();
    const bob = await addCustomer('bob@example.com');
    const key = { 'idempotency-key': 'k' };
    const first = await api.post(LINES, { ...ada.headers, ...key });
    const replay = await api.post(LINES, { authorization: basic('ada@example.com', PASSWORD), ...key });
    const other = await api.post(LINES, { ...bob.headers, ...key });
    expect(replay.headers['idempotent-replayed']).toBe('true');
    expect(replay.body).toBe(first.body);
    expect(other.statusCode).toBe(201);
    expect(other.json<{ order_id: string }>().order_id).not.toBe(first.json<{ order_id: string }>().order_id);
  });
});

describe("somebody else's order", () => {
  it('is answered word for word like one that there is not', async () => {
    const [ada, bob] = [await addCustomer(), await addCustomer('bob@example.com')];
    const orderId = await orderOf(ada);
    const missing = `${orderId.slice(0, -1)}${orderId.endsWith('0') ? '1' : '0'}`;
    const same = { ...bob.headers, 'x-request-id': 'same' };
    for (const path of ['', '/status', '/events', '/requests/0199a1f0-8000-7000-8000-3f5d2c8e6a11']) {
      const theirs = await api.get(`/orders/${orderId}${path}`, same);
      const none = await api.get(`/orders/${missing}${path}`, same);
      expect(theirs.statusCode).toBe(404);
      expect(theirs.body.replaceAll(orderId, missing)).toBe(none.body);
    }
  });

  it('is not cancelled by who may not see it', async () => {
    const [ada, bob] = [await addCustomer(), await addCustomer('bob@example.com')];
    const orderId = await orderOf(ada);
    const before = api.log.records.flat().length;
    expect((await api.post({}, bob.headers, `/orders/${orderId}/cancel`)).statusCode).toBe(404);
    expect((await api.post({}, ada.headers, `/orders/${orderId}/cancel`)).statusCode).toBe(202);
    expect(api.log.records.flat()).toHaveLength(before + 1);
  });
});

describe('a list of a customer', () => {
  const asked = () => {
    const users: (string | null)[] = [];
    const page = api.readModel.page;
    api.readModel.page = (query) => {
      users.push(query.filters.userId);
      return page(query);
    };
    return users;
  };

  it.each(['/orders', '/orders/export', '/api/orders'])("%s asks for theirs, and of an operator for everybody's", async (url) => {
    const ada = await addCustomer();
    const users = asked();
    expect((await api.get(url, ada.headers)).statusCode).toBe(200);
    expect((await api.get(`${url}?user_id=${ada.id}`, ada.headers)).statusCode).toBe(200);
    expect((await api.get(url, operator)).statusCode).toBe(200);
    expect(users).toEqual([ada.id, ada.id, null]);
  });

  it.each(['user_id=somebody', 'user_id=', 'user_id=A&user_id=B'])('with the filter %s is refused', async (filter) => {
    const ada = await addCustomer();
    const users = asked();
    expect((await api.get(`/orders?${filter.replace('A', ada.id)}`, ada.headers)).statusCode).toBe(403);
    expect(users).toEqual([]);
  });
});

describe('the history of an order', () => {
  it('shows a customer the applied facts and their own requests, in full pages', async () => {
    const ada = await addCustomer();
    api.log.landEvent(created('o', { user_id: ada.id }));
    for (let n = 0; n < 3; n += 1) {
      api.log.landEvent({ ...event('OrderCancellationRequested', 'o'), actor: 'user:an-operator' });
      api.log.landEvent(event('OrderRequestRefused', 'o', { causationId: 'r' }));
      api.log.landEvent(fact('OrderCompleted', 'o', 9, 'pending'));
    }
    api.log.landEvent({ ...event('OrderCancellationRequested', 'o'), actor: `user:${ada.id}` });
    api.log.landEvent(fact('OrderProcessing', 'o', 2, 'pending'));
    await api.caughtUp();
    const all = (await api.get('/orders/o/events', operator)).json<{ events: unknown[] }>();
    expect(all.events).toHaveLength(12);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const path = `/orders/o/events?limit=2${cursor === null ? '' : `&cursor=${cursor}`}`;
      const page: { events: { type: string }[]; next_cursor: string | null } = (await api.get(path, ada.headers)).json();
      expect(page.events.length).toBe(page.next_cursor === null ? 1 : 2);
      seen.push(...page.events.map(({ type }) => type));
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(seen).toEqual(['orders.OrderCreated.v1', 'orders.OrderCancellationRequested.v1', 'orders.OrderProcessing.v1']);
  });

  it('has the requests of others for nobody but operators', async () => {
    const ada = await addCustomer();
    api.log.landEvent(created('o', { user_id: ada.id }));
    const theirs = { ...event('OrderCancellationRequested', 'o'), actor: `user:${ada.id}` };
    const others = { ...event('OrderCancellationRequested', 'o'), actor: 'user:an-operator' };
    for (const each of [theirs, others]) api.log.landEvent(each);
    await api.caughtUp();
    expect((await api.get(`/orders/o/requests/${theirs.id}`, ada.headers)).statusCode).toBe(200);
    expect((await api.get(`/orders/o/requests/${others.id}`, ada.headers)).json()).toMatchObject({ code: 'REQUEST_NOT_FOUND' });
    expect((await api.get(`/orders/o/requests/${others.id}`, operator)).statusCode).toBe(200);
  });
});

describe('the feed', () => {
  const listening = () => api.app.listen({ host: '127.0.0.1', port: 0 });

  it('tells a customer of their own orders only, an operator of all, each in order', async () => {
    const ada = await addCustomer();
    const url = await listening();
    const mine = await openFeed(url, '/feed', ada.headers);
    const all = await openFeed(url, '/feed', operator);
    for (let n = 0; n < 50; n += 1) {
      api.log.landEvent(created(`a${n}`, { user_id: ada.id }));
      api.log.landEvent(created(`b${n}`, { user_id: 'bob' }));
      api.log.landEvent(fact('OrderProcessing', `a${n}`, 2, 'pending'));
    }
    await all.seen(150);
    const frames = await mine.seen(100);
    expect(new Set(frames.map(({ order_id }) => order_id![0]))).toEqual(new Set(['a']));
    for (let n = 0; n < 50; n += 1) expect(mine.orders(`a${n}`).map(({ version }) => version)).toEqual([1, 2]);
    api.log.landEvent(created('last', { user_id: ada.id }));
    await mine.seen(101);
    expect(mine.orders()).toHaveLength(101);
    for (const { socket } of [mine, all]) socket.close();
  });

  it('is opened with a ticket, and with no other query', async () => {
    const ada = await addCustomer();
    const url = await listening();
    const { ticket } = (await api.post({}, ada.headers, '/auth/ticket')).json<{ ticket: string }>();
    const feed = await openFeed(url, `/feed?ticket=${ticket}`);
    api.log.landEvent(created('o', { user_id: ada.id }));
    await feed.seen(1);
    feed.socket.close();
    const token = ada.headers.authorization.slice('Bearer '.length);
    for (const path of ['/feed', '/feed?ticket=nonsense', `/feed?ticket=${token}`]) {
      await expect(openFeed(url, path)).rejects.toThrow('401');
    }
    expect((await api.get('/orders', { authorization: `Bearer ${ticket}` })).statusCode).toBe(401);
  });

  it('is opened once with a ticket, over the same connection or another', async () => {
    const ada = await addCustomer();
    const url = await listening();
    const { ticket } = (await api.post({}, ada.headers, '/auth/ticket')).json<{ ticket: string }>();
    const attempts = await Promise.allSettled(Array.from({ length: 5 }, () => openFeed(url, `/feed?ticket=${ticket}`)));
    const opened = attempts.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    expect(opened).toHaveLength(1);
    for (const { socket } of opened) socket.close();
    await expect(openFeed(url, `/feed?ticket=${ticket}`)).rejects.toThrow('401');
  });

  it('has room for twenty of one caller, tells one more why, and is open to others', async () => {
    const ada = await addCustomer();
    const url = await listening();
    const feeds = await Promise.all(Array.from({ length: FEEDS_PER_CALLER_MAX }, () => openFeed(url, '/feed', ada.headers)));
    const more = await openFeed(url, '/feed', ada.headers);
    expect(more.frames).toMatchObject([
      { type: 'error', code: 'RATE_LIMITED', detail: expect.stringContaining('20'), cursor: expect.any(String) },
    ]);
    expect(await more.closed).toEqual({ code: 1013, reason: 'too_many' });
    const other = await openFeed(url, '/feed', operator);
    api.log.landEvent(created('o', { user_id: ada.id }));
    await Promise.all([...feeds, other].map((feed) => feed.seen(1)));
    feeds[0]!.socket.close();
    await feeds[0]!.closed;
    const again = await eventually(
      async () => {
        const feed = await openFeed(url, '/feed', ada.headers);
        return feed.frames[0]!.type === 'subscribed' && feed;
      },
      { what: 'the place of the feed that was closed' },
    );
    for (const { socket } of [...feeds, other, again]) socket.close();
  });

  it.each([
    ['is erased', (id: string) => api.app.inject({ method: 'DELETE', url: `/users/${id}`, headers: admin })],
    [
      'gets another role',
      (id: string) => api.app.inject({ method: 'PUT', url: `/users/${id}`, headers: admin, payload: { role: 'operator' } }),
    ],
    [
      'gets another password',
      (id: string) => api.app.inject({ method: 'PUT', url: `/users/${id}`, headers: admin, payload: { password: 'another password' } }),
    ],
  ])('is closed with 4003 when its caller %s; the feeds of others stay', async (_what, change) => {
    const ada = await addCustomer();
    const bob = await addCustomer('bob@example.com');
    const url = await listening();
    const [feed, other] = [await openFeed(url, '/feed', ada.headers), await openFeed(url, '/feed', bob.headers)];
    expect((await change(ada.id)).statusCode).toBeLessThan(300);
    expect(await feed.closed).toEqual({ code: 4003, reason: 'forbidden' });
    api.log.landEvent(created('o', { user_id: bob.id }));
    await other.seen(1);
    other.socket.close();
  });

  it('goes on when its caller gets another name', async () => {
    const ada = await addCustomer();
    const url = await listening();
    const feed = await openFeed(url, '/feed', ada.headers);
    await api.app.inject({ method: 'PUT', url: `/users/${ada.id}`, headers: admin, payload: { name: 'Grace' } });
    api.log.landEvent(created('o', { user_id: ada.id }));
    await feed.seen(1);
    feed.socket.close();
  });
});

describe('a change of a user', () => {
  it('counts for the next request: role, password, erasure', async () => {
    const ada = await addCustomer();
    const change = (payload: object) => api.app.inject({ method: 'PUT', url: `/users/${ada.id}`, headers: admin, payload });
    expect((await api.get('/orders/metrics', ada.headers)).statusCode).toBe(403);
    expect((await change({ role: 'operator' })).json()).toMatchObject({ role: 'operator' });
    expect((await api.get('/orders/metrics', ada.headers)).statusCode).toBe(200);
    await change({ password: 'another password' });
    expect((await api.get('/orders', ada.headers)).statusCode).toBe(401);
    expect((await api.get('/orders', { authorization: basic('ada@example.com', PASSWORD) })).statusCode).toBe(401);
    const again = { authorization: basic('ADA@example.com', 'another password') };
    expect((await api.get('/orders', again)).statusCode).toBe(200);
    expect((await api.app.inject({ method: 'DELETE', url: `/users/${ada.id}`, headers: admin })).statusCode).toBe(204);
    expect((await api.get('/orders', again)).statusCode).toBe(401);
  });
});
