// R8 on the real log.
// The read model is emptied under running instances, as a restore of an old backup would do. They notice, read their tails again, answer
// rightly meanwhile, and tell the feed nothing twice.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { created, fact } from '../../support/builders/order-events.ts';
import { eventually } from '../../support/eventually.ts';
import { type ApisOnStack, type Instance, startApisOnStack } from '../../support/stack/service/api-on-stack.ts';
import { openFeed } from '../../support/stack/service/feed-client.ts';

let stack: ApisOnStack;
let api: Instance;
beforeAll(async () => {
  stack = await startApisOnStack(1);
  [api] = stack.instances as [Instance];
});
afterAll(async () => {
  await stack?.stop();
  expect(stack?.fatal).toEqual([]);
});

it('is noticed, and orders that had left memory are back', async () => {
  const projector = await stack.startProjector();
  const long_ago = Date.now() - 60_000;
  for (let n = 0; n < 20; n += 1) {
    await stack.append(created(`closed-${n}`, {}, { time: long_ago }));
    await stack.append(fact('OrderCancelled', `closed-${n}`, 2, 'pending'));
  }
  const feed = await openFeed(api.url);
  const { body } = await api.post({ user_id: 1, item_ids: [1], total_amount: 1 });
  const open = body.order_id as string;
  // One new order per partition moves the log time there, so that the old ones may be forgotten.
  for (let n = 0; n < 40; n += 1) await stack.append(created(`recent-${n}`, {}, { time: Date.now() }));
  await eventually(() => Array.from({ length: 20 }, (_, n) => api.tail.get(`closed-${n}`)).every((order) => order === null), {
    what: 'the closed orders to be stored and forgotten',
  });
  await projector.stop();
  await stack.database.query('TRUNCATE checkpoints, orders, order_products, events, counters, processing_time_histogram');

  const reads = await Promise.all(Array.from({ length: 20 }, (_, n) => api.get(`/orders/closed-${n}`)));
  expect(reads.map(({ status, body }) => [status, body.status])).toEqual(Array(20).fill([200, 'cancelled']));
  expect((await api.get(`/orders/${open}`)).body.status).toBe('pending');
  await eventually(async () => (await api.get('/health/ready')).status === 200, { what: 'the api to be ready again' });

  await stack.append(fact('OrderProcessing', open, 2, 'pending'));
  await feed.seen(2, open);
  const seen = feed.orders().map(({ order_id, version }) => `${order_id}/${version}`);
  expect(new Set(seen).size).toBe(seen.length);
  feed.socket.close();

  const again = await stack.startProjector();
  await eventually(async () => (await stack.database.query('SELECT 1 FROM orders')).rows.length === 61, { what: 'the rows to be back' });
  await again.stop();
});
