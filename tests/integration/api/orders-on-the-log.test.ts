// Two api instances on one log.
// What one has acknowledged the other can read, and ids are given once, whoever asks whom.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DUPLICATE_WINDOW_MS } from '../../../shared/order/late-duplicates.ts';
import { created, event, fact } from '../../support/builders/order-events.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { quickest } from '../../support/quickest.ts';
import { type Answer, type ApisOnStack, type Instance, startApisOnStack } from '../../support/stack/service/api-on-stack.ts';
import { openFeed } from '../../support/stack/service/feed-client.ts';
import type { RoleProcess } from '../../support/stack/service/role-process.ts';

let stack: ApisOnStack;
let one: Instance;
let other: Instance;
let projector: RoleProcess;
beforeAll(async () => {
  stack = await startApisOnStack(2);
  [one, other] = stack.instances as [Instance, Instance];
  projector = await stack.startProjector();
});
afterAll(async () => {
  await projector?.stop();
  await stack?.stop();
  expect(stack?.fatal).toEqual([]);
});

const good = { user_id: 101, item_ids: '5,6,7', total_amount: 299.99 };
/** An answer that has waited for the projector. After 2 s, which a slow machine may need, one says that it has not. */
const fresh = (ask: () => Promise<Answer>): Promise<Answer> =>
  eventually(
    async () => {
      const answer = await ask();
      return answer.headers.get('consistency') === 'stale' ? null : answer;
    },
    { what: 'an answer that is not stale' },
  );
const rows = async (orderId: string) =>
  (await stack.database.query('SELECT status, version FROM orders WHERE order_id = $1', [orderId])).rows;

describe('an acknowledged order', () => {
  it('can be read at once on another instance, a hundred times out of a hundred', async () => {
    const results = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const posted = await one.post(good);
        const read = await other.get(posted.headers.get('location')!);
        return [posted.status, read.status, read.body.order_id === posted.body.order_id];
      }),
    );
    expect(results.filter(([posted, read, same]) => posted === 201 && read === 200 && same)).toHaveLength(100);
  });

  it('is in the list and in the numbers of another instance that is given the token', async () => {
    const user = uniqueName('user');
    const posted = await one.post({ ...good, user_id: user });
    const token = posted.headers.get('consistency-token')!;
    const list = await fresh(() => other.get(`/orders?user_id=${user}&after=${token}`));
    expect(list.body.orders.map((order: { order_id: string }) => order.order_id)).toEqual([posted.body.order_id]);
    expect(list.body.orders[0]).toEqual(posted.body.order);
    const metrics = await fresh(() => other.get('/orders/metrics?order_ids=true', { 'consistency-token': token }));
    expect(metrics.body.orders.pending.order_ids[0]).toBe(posted.body.order_id);
  });

  it('reads the same from memory and from its row, field by field', async () => {
    const { body } = await one.post({
      user_id: 'u',
      items: [
        { product_id: 'p', quantity: 3, unit_price: 0.1 },
        { product_id: 'q', unit_price: 19.99 },
      ],
      total_amount: 20.29,
    });
    const id = body.order_id as string;
    await stack.append(fact('OrderProcessing', id, 2, 'pending', { time: Date.now() }));
    await stack.append(event('OrderParked', id, { version: 3, time: Date.now() }));
    await eventually(async () => (await one.get(`/orders/${id}`)).body.version === 3, { what: 'the facts in memory' });
    await eventually(async () => (await rows(id))[0]?.version === 3, { what: 'the row' });
    const list = await one.get('/orders?parked=true');
    expect(list.body.orders).toEqual([(await one.get(`/orders/${id}`)).body]);
    await stack.append(fact('OrderCompleted', id, 4, 'processing', { time: Date.now() }));
    await eventually(async () => (await rows(id))[0]?.version === 4, { what: 'the row' });
    expect((await one.get(`/orders?user_id=u`)).body.orders).toEqual([(await one.get(`/orders/${id}`)).body]);
    expect((await one.get(`/orders/${id}/events`)).body.events.map((each: { effect: string }) => each.effect)).toEqual(
      Array(4).fill('applied'),
    );
  });

  it('does not exist before it does', async () => {
    const took = await quickest(2_000, async () => expect((await one.get('/orders/never-made')).status).toBe(404));
    expect(took).toBeLessThan(2_000);
  });
});

describe('one Idempotency-Key', () => {
  it('makes one order out of sixty requests to two instances, and sixty equal answers', async () => {
    const key = uniqueName('key');
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => (n % 2 ? one : other).post(good, { 'idempotency-key': key })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    const id = answers[0]!.body.order_id as string;
    await eventually(async () => (await rows(id)).length === 1, { what: 'the row' });
    const { events } = (await one.get(`/orders/${id}/events`)).body as { events: { effect: string }[] };
    expect(events.filter(({ effect }) => effect === 'applied')).toHaveLength(1);
    expect(events.every(({ effect }, index) => (effect === 'applied') === (index === 0))).toBe(true);
  });

  it('answers the same bytes after the order is completed and on an instance that has just started', async () => {
    const key = uniqueName('key');
    const first = await one.post(good, { 'idempotency-key': key });
    const id = first.body.order_id as string;
    await stack.append(fact('OrderProcessing', id, 2, 'pending', { time: Date.now() }));
    await stack.append(fact('OrderCompleted', id, 3, 'processing', { time: Date.now() }));
    await eventually(async () => (await rows(id))[0]?.status === 'completed', { what: 'the row' });
    const third = await stack.startApi();
    for (const instance of [one, other, third]) {
      const again = await instance.post(good, { 'idempotency-key': key });
      expect(again.text).toBe(first.text);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect((await instance.post({ ...good, total_amount: 1 }, { 'idempotency-key': key })).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    }
  });
});

describe('one order_id', () => {
  it('is given to exactly one of twenty requests to two instances', async () => {
    const order_id = uniqueName('ORD');
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? one : other).post({ ...good, order_id })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(19).fill(409)]);
    expect(new Set(answers.filter(({ status }) => status === 409).map(({ body }) => body.code))).toEqual(new Set(['ORDER_ID_TAKEN']));
  });
});

describe('the feed', () => {
  it('tells both instances the same story of each order, and nothing of a late duplicate', async () => {
    const [mine, theirs] = await Promise.all([openFeed(one.url), openFeed(other.url)]);
    const id = uniqueName('k_fed');
    const long_ago = Date.now() - 3 * DUPLICATE_WINDOW_MS;
    const first = created(id, { id_origin: 'key' }, { time: long_ago });
    await stack.append(first);
    await stack.append(fact('OrderProcessing', id, 2, 'pending'));
    await stack.append(fact('OrderProcessing', id, 2, 'pending'));
    const { partition } = await stack.append(fact('OrderCompleted', id, 3, 'processing'));
    // Orders from the future in the same partition: log time moves on, and memory may forget what is closed.
    for (let n = 0, moved = false; !moved; n += 1) {
      moved = (await stack.append(created(`${id}-${n}`, {}, { time: Date.now() + 2 * DUPLICATE_WINDOW_MS }))).partition === partition;
    }
    await eventually(async () => (await rows(id))[0]?.status === 'completed', { what: 'the row' });
    await eventually(() => one.tail.get(id) === null && other.tail.get(id) === null, { what: 'both tails to forget the closed order' });
    const duplicate = await stack.append(first);
    expect(duplicate.partition).toBe(partition);
    const last = uniqueName('last');
    await stack.append(created(last));
    for (const feed of [mine, theirs]) {
      await feed.seen(1, last);
      await eventually(() => [one, other].every(({ tail }) => tail.position(partition) > duplicate.offset), {
        what: 'both tails past the duplicate',
      });
      expect(feed.orders(id).map(({ previous_status, status, version }) => [previous_status, status, version])).toEqual([
        [null, 'pending', 1],
        ['pending', 'processing', 2],
        ['processing', 'completed', 3],
      ]);
      feed.socket.close();
    }
    const { events } = (await other.get(`/orders/${id}/events`)).body as { events: { effect: string }[] };
    expect(events.map(({ effect }) => effect)).toEqual(['applied', 'applied', 'void', 'applied', 'void']);
    expect((await other.get(`/orders/${id}`)).body).toMatchObject({ status: 'completed', version: 3 });
  });
});
