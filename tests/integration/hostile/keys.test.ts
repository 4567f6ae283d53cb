// Requests with an Idempotency-Key that are sent again, to two instances of the api on a real broker and a real database.
// Goal: one effect and one answer, whatever was lost on the way. Method: each keyed request is sent to both instances at once, its first
// answer is thrown away, and it is sent again later, when everything has changed.

import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { RoleProcess } from '../../support/stack/service/role-process.ts';
import { type Service, startService } from '../../support/stack/service/service.ts';

let service: Service;
let other: RoleProcess;
beforeAll(async () => {
  service = await startService({ PROCESSING_TIME_MS: '60000', PROCESSOR_CONCURRENCY: '1' });
  other = await service.start('api');
  // The one order in processing: all others stay pending.
  await service.post({ user_id: 1, item_ids: [1], total_amount: 1 });
});
afterAll(async () => {
  await other.stop();
  await service.stop();
});

interface Told {
  status: number;
  text: string;
  replayed: boolean;
}
const send = async (
  { url }: RoleProcess,
  method: string,
  path: string,
  key: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Told> => {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', 'idempotency-key': key, ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text(), replayed: answer.headers.has('idempotent-replayed') };
};
const pendingOrder = async (): Promise<string> =>
  (await service.post({ user_id: 2, item_ids: [7], total_amount: 3 })).body.order_id as string;
const eventsOf = async (id: string): Promise<{ type: string; effect: string }[]> =>
  (await service.get(`/orders/${id}/events`)).body.events as { type: string; effect: string }[];
const effective = async (id: string, type: string): Promise<number> =>
  (await eventsOf(id)).filter((each) => each.type === `orders.${type}.v1` && each.effect !== 'void').length;

describe('a keyed request that is sent to two instances at once, and again', () => {
  it.each([
    ['a cancellation', 'POST', '/cancel', { reason: 'twice' }, 'OrderCancelled', {}],
    ['a status', 'PUT', '/status', { status: 'cancelled' }, 'OrderCancelled', {}],
    ['an amendment of a version', 'PATCH', '', { item_ids: [8], total_amount: 4 }, 'OrderAmended', { 'if-match': '"v1"' }],
  ])('%s has one effect and one answer', async (_name, method, path, body, fact, headers) => {
    const id = await pendingOrder();
    const key = randomUUID();
    const ask = (api: RoleProcess) => send(api, method, `/orders/${id}${path}`, key, body, headers);
    const { api } = service.roles;
    const [first, second] = await Promise.all([ask(api), ask(other)]);
    expect(first.status).toBe(200);
    expect(second).toMatchObject({ status: 200, text: first.text });
    if (fact === 'OrderAmended') await send(api, 'POST', `/orders/${id}/cancel`, randomUUID(), {});
    for (const instance of [api, other]) expect(await ask(instance)).toEqual({ status: 200, text: first.text, replayed: true });
    expect(await effective(id, fact)).toBe(1);
    const reused = await send(other, 'POST', `/orders/${id}/cancel`, key, { reason: 'another' });
    expect(reused).toMatchObject({ status: 422 });
  });

  it('a delivery is booked once, and told as it was when more has come', async () => {
    const { api } = service.roles;
    const key = randomUUID();
    const create = (instance: RoleProcess) => send(instance, 'POST', '/products', key, { name: 'Lamp', price: 1, stock: 1 });
    const [made, copy] = await Promise.all([create(api), create(other)]);
    expect(made.status).toBe(201);
    expect(copy).toMatchObject({ status: 201, text: made.text });
    const id = JSON.parse(made.text).product_id as string;
    const deliver = (instance: RoleProcess) => send(instance, 'PUT', `/products/${id}/stock`, 'delivery-1', { delta: 5 });
    const [one, two] = await Promise.all([deliver(api), deliver(other)]);
    expect(JSON.parse(one.text)).toMatchObject({ stock: 6, version: 2 });
    expect(two.text).toBe(one.text);
    await send(api, 'PUT', `/products/${id}/stock`, 'delivery-2', { delta: 7 });
    expect(await deliver(other)).toEqual({ status: 200, text: one.text, replayed: true });
    expect(await create(other)).toEqual({ status: 201, text: made.text, replayed: true });
    expect((await service.get(`/products/${id}`)).body).toMatchObject({ stock: 13, version: 3 });
  });

  it('a batch is made once', async () => {
    const { api } = service.roles;
    const key = randomUUID();
    const populate = (instance: RoleProcess) => send(instance, 'POST', '/orders/populate', key, { total_entries: 30 });
    const [one, two] = await Promise.all([populate(api), populate(other)]);
    expect(JSON.parse(one.text)).toMatchObject({ success_count: 30, failure_count: 0 });
    expect(two.text).toBe(one.text);
    // Without the header where an instance is behind: it appends copies, which are void.
    expect(await populate(other)).toMatchObject({ status: 201, text: one.text });
    expect(await send(api, 'POST', '/orders/populate', key, { total_entries: 31 })).toMatchObject({ status: 422 });
  });
});

/** On a bare connection that is closed with the last byte. */
const sendAndLeave = (path: string, headers: readonly string[], body: string): Promise<void> =>
  new Promise((resolve) => {
    const { hostname, port, host } = new URL(service.roles.api.url);
    const common = ['content-type: application/json', `content-length: ${body.length}`, 'connection: close'];
    const message = `${[`POST ${path} HTTP/1.1`, `host: ${host}`, ...common, ...headers].join('\r\n')}\r\n\r\n${body}`;
    const socket = connect(Number(port), hostname, () => socket.end(message));
    socket.on('error', () => {}).on('close', () => resolve()); // a reset is an answer, too
    socket.resume();
  });

/** With the headers one by one, as only Node's own client sends them. */
const statusOf = (path: string, headers: readonly string[], body: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { url } = service.roles.api;
    const all = ['host', new URL(url).host, 'content-type', 'application/json', 'content-length', String(body.length), ...headers];
    const sending = request(`${url}${path}`, { method: 'POST', headers: all }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!));
    });
    sending.on('error', reject).end(body);
  });

describe('a request whose client went away before the answer', () => {
  it('is told to its next attempt what the first came to, wherever that goes', async () => {
    const id = await pendingOrder();
    // Whether the api has taken it, or noticed first that nobody waits, must make no difference.
    await sendAndLeave(`/orders/${id}/cancel`, ['idempotency-key: gone', 'if-match: "v1"'], '{"reason":"gone"}');
    const again = await send(other, 'POST', `/orders/${id}/cancel`, 'gone', { reason: 'gone' }, { 'if-match': '"v1"' });
    expect(again.status).toBe(200);
    await eventually(async () => (await effective(id, 'OrderCancelled')) > 0, { what: 'the fact on the other instance' });
    expect(await effective(id, 'OrderCancelled')).toBe(1);
  });
});

describe('a request with two keys', () => {
  it('records nothing when they differ: Node would have joined them to a third', async () => {
    const body = '{"user_id":77,"item_ids":[1],"total_amount":1}';
    expect(await statusOf('/orders', ['idempotency-key', 'one', 'idempotency-key', 'two'], body)).toBe(400);
    expect(await statusOf('/orders', ['Idempotency-Key', 'same', 'idempotency-KEY', 'same'], body)).toBe(201);
    const url = `${service.roles.api.url}/orders`;
    const once = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': 'same' }, body });
    expect([once.status, once.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    const { order_id } = (await once.json()) as { order_id: string };
    const list = async () => {
      const answer = await fetch(`${url}?user_id=77&after=${once.headers.get('consistency-token')}`);
      const { orders } = (await answer.json()) as { orders: { order_id: string }[] };
      return answer.headers.has('consistency') ? undefined : orders;
    };
    const orders = await eventually(list, { what: 'a list that contains the order' });
    expect(orders.map((each) => each.order_id)).toEqual([order_id]);
  });
});
