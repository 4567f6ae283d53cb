// How long a submission or a command waits for a log that is slow or does not answer: by one limit from its append on.

import { describe, expect, it } from 'vitest';
import type { NewOrder } from '../../../../api/orders/new-order.ts';
import { createSubmitOrder } from '../../../../api/orders/submit-order.ts';
import { encodeProductEvent } from '../../../../shared/log/codec/product-codec.ts';
import type { Position, RecordToAppend } from '../../../../shared/log/log.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { created } from '../../../support/builders/order-events.ts';
import { productEvent } from '../../../support/builders/product-events.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { inSteeredTime, pass } from '../../../support/steered-time.ts';

const ANSWER_MAX_MS = 5_000;
const good = { user_id: 1, item_ids: [1], total_amount: 1 };
const withApi = (work: (api: InMemoryApi) => Promise<void>) =>
  inSteeredTime(async () => {
    const api = await startApiInMemory({ decisionWaitMs: 5_000 });
    await work(api);
    await api.stop();
    expect(api.fatal).toEqual([]);
  });
const never = () => new Promise<never>(() => {});
/** Acknowledged after four seconds. */
const slowly =
  (api: InMemoryApi, topic: 'log' | 'productLog' = 'log') =>
  (record: RecordToAppend): Promise<Position> =>
    new Promise((resolve) => setTimeout(() => resolve(api[topic].land(record)), 4_000));

type Answer = Awaited<ReturnType<InMemoryApi['post']>>;
/** Passes as much time as the answer takes. */
const answered = async (answer: Promise<Answer>): Promise<{ answer: Answer; atMs: number }> => {
  const startedAt = performance.now();
  let atMs = Number.NaN;
  void answer.then(() => {
    atMs = performance.now() - startedAt;
  });
  for (let passed = 0; Number.isNaN(atMs) && passed < 60_000; passed += 50) await pass(50);
  return { answer: await answer, atMs };
};
const put = (api: InMemoryApi, url: string, payload: unknown) =>
  api.app.inject({ method: 'PUT', url, headers: { 'content-type': 'application/json' }, payload: JSON.stringify(payload) });
const IN_TIME = ANSWER_MAX_MS + 200; // steered time moves in steps

describe('a log that acknowledges late and cannot be read', () => {
  it(
    'a submission with a key is 202 after five seconds in all',
    withApi(async (api) => {
      api.log.script.push(slowly(api));
      api.log.hold(true);
      const { answer, atMs } = await answered(api.post(good, { 'idempotency-key': 'k' }));
      expect(answer.statusCode).toBe(202);
      expect(atMs).toBeLessThan(IN_TIME);
      api.log.hold(false);
    }),
  );

  it(
    'a command is 202 after five seconds in all',
    withApi(async (api) => {
      api.log.landEvent(created('o'));
      await api.caughtUp();
      api.log.script.push(slowly(api));
      const { answer, atMs } = await answered(api.post({}, {}, '/orders/o/cancel'));
      expect(answer.statusCode).toBe(202);
      expect(atMs).toBeLessThan(IN_TIME);
    }),
  );

  it(
    'a product is 202 after five seconds in all',
    withApi(async (api) => {
      api.productLog.script.push(slowly(api, 'productLog'));
      api.productLog.hold(true);
      const { answer, atMs } = await answered(api.post({ name: 'Lamp', price: 1 }, {}, '/products'));
      expect(answer.statusCode).toBe(202);
      expect(atMs).toBeLessThan(IN_TIME);
      api.productLog.hold(false);
    }),
  );
});

describe('a log that never answers', () => {
  it(
    'a command is 503 after five seconds, without waiting for its answer as long again',
    withApi(async (api) => {
      api.log.landEvent(created('o'));
      await api.caughtUp();
      api.log.script.push(never);
      const { answer, atMs } = await answered(api.post({}, {}, '/orders/o/cancel'));
      expect(answer.json()).toMatchObject({ code: 'LOG_UNAVAILABLE', order_request_id: expect.any(String) });
      expect(answer.headers['retry-after']).toBe('1');
      expect(atMs).toBeLessThan(IN_TIME);
    }),
  );

  it(
    'so is a change of a product',
    withApi(async (api) => {
      const lamp = productEvent('ProductCreated', 'lamp', { data: { name: 'Lamp', price_minor: 1999, stock: 10 } });
      api.productLog.land(encodeProductEvent(lamp, 'products'));
      while (api.catalogue.get('lamp') === undefined) await pass(10);
      api.productLog.script.push(never);
      const { answer, atMs } = await answered(put(api, '/products/lamp', { price: 2 }));
      expect(answer.json()).toMatchObject({ code: 'LOG_UNAVAILABLE' });
      expect(atMs).toBeLessThan(IN_TIME);
    }),
  );
});

describe('a database that falls silent after the append', () => {
  it('leaves a submission with a key accepted, not refused: it is recorded', async () => {
    let appended = 0;
    const silentAfterAppend = async () => {
      if (appended > 0) throw new AppError('DATABASE_UNAVAILABLE', 'told to be');
      return null;
    };
    const submit = createSubmitOrder({
      topic: 'orders',
      currency: 'USD',
      openOrdersMax: 10,
      appender: { append: async ({ topic }) => ({ topic, partition: 0, offset: appended++ }) },
      tail: { waitRead: async () => true, openOrders: () => 0, isHeld: () => false },
      orders: { known: silentAfterAppend, fresh: silentAfterAppend, caughtUp: async () => {} },
      creationOf: () => never(),
      priceLines: async () => ({ items: [], totalMinor: 100 }),
      now: () => 0,
    });
    const order = { userId: '1', items: [], totalMinor: 100, itemsForm: 'ids' } as unknown as NewOrder;
    const about = { caller: 'anonymous', actor: 'anonymous', orderId: null, correlationId: null, traceparent: null };
    expect(await submit({ order, ...about, idempotencyKey: 'k' })).toMatchObject({ outcome: 'pending', place: { offset: 0 } });
  });
});
