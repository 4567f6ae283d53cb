// POST /orders against a log that behaves as Kafka may: appends without an outcome, copies, copies that come late.

import { describe, expect, it } from 'vitest';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { created, fact } from '../../../support/builders/order-events.ts';
import { type InMemoryApi, type InMemoryOptions, startApiInMemory } from '../../../support/in-memory/api.ts';
import { inSteeredTime, passUntil } from '../../../support/steered-time.ts';

const withApi = (work: (api: InMemoryApi) => Promise<void>, options?: InMemoryOptions) => async () => {
  const api = await startApiInMemory(options);
  await work(api);
  await api.stop();
  expect(api.fatal).toEqual([]);
};
const good = { user_id: 1, item_ids: [1, 2], total_amount: 12.5 };
const unknown = () => Promise.reject(new AppError('APPEND_OUTCOME_UNKNOWN', 'scripted'));
const never = () => new Promise<never>(() => {});
const ids = (api: InMemoryApi) => api.log.records.flat().map(({ key }) => key!.toString());
const eventIds = (api: InMemoryApi) => api.log.records.flat().map(({ headers }) => headers.ce_id!.toString());

describe.concurrent('a submission without a key', () => {
  it(
    'is one OrderCreated that says all there is to say',
    withApi(async (api) => {
      const { order_id: id } = (await api.post(good)).json<{ order_id: string }>();
      const [record] = api.log.records.flat();
      expect(record!.key!.toString()).toBe(id);
      expect(JSON.parse(record!.value!.toString())).toEqual({
        user_id: '1',
        items: [
          { product_id: '1', quantity: 1, unit_price_minor: null, stocked: false },
          { product_id: '2', quantity: 1, unit_price_minor: null, stocked: false },
        ],
        total_minor: 1250,
        currency: 'USD',
        id_origin: 'server',
        batch_id: null,
        key_hash: null,
        command_hash: null,
      });
      expect(record!.headers.ce_actor!.toString()).toBe('anonymous');
    }),
  );

  it(
    'is answered when the append is acknowledged, whether or not the tail has read it',
    withApi(async (api) => {
      api.log.hold(true);
      expect((await api.post(good)).statusCode).toBe(201);
      api.log.hold(false);
    }),
  );

  it(
    'is appended again, the same event, while the outcome is unknown; the order is one',
    withApi(async (api) => {
      const landed = async (record: Parameters<typeof api.log.land>[0]) => {
        api.log.land(record);
        return unknown();
      };
      api.log.script.push(unknown, landed, landed);
      const answer = await api.post(good);
      expect(answer.statusCode).toBe(201);
      await api.caughtUp();
      expect(new Set(eventIds(api)).size).toBe(1);
      expect(ids(api)).toHaveLength(3);
      expect(api.tail.get(answer.json<{ order_id: string }>().order_id)?.order.version).toBe(1);
    }),
  );

  it(
    'is still unknown when the appender is full only at the second attempt',
    withApi(async (api) => {
      api.log.script.push(unknown, () => Promise.reject(new AppError('LOG_OVERLOADED', 'scripted')));
      expect((await api.post(good)).json()).toMatchObject({ code: 'LOG_UNAVAILABLE', order_id: expect.any(String) });
    }),
  );

  it(
    'is 503 OVERLOADED when the appender is full, and nothing is recorded',
    withApi(async (api) => {
      api.log.script.push(() => Promise.reject(new AppError('LOG_OVERLOADED', 'scripted')));
      const answer = await api.post(good);
      expect(answer.json()).toMatchObject({ status: 503, code: 'OVERLOADED' });
      expect(answer.headers['retry-after']).toBe('1');
      expect(ids(api)).toEqual([]);
    }),
  );

  it(
    'is 503 OVERLOADED while too many orders are open, and taken again when they are closed',
    withApi(
      async (api) => {
        for (const id of ['a', 'b']) api.log.landEvent(created(id));
        await api.caughtUp();
        expect((await api.post(good)).json()).toMatchObject({ code: 'OVERLOADED' });
        expect((await api.post(good, { 'idempotency-key': 'k' })).json()).toMatchObject({ code: 'OVERLOADED' });
        api.log.landEvent(fact('OrderCancelled', 'a', 2, 'pending'));
        await api.caughtUp();
        expect((await api.post(good)).statusCode).toBe(201);
      },
      { openOrdersMax: 2 },
    ),
  );
});

describe.concurrent('a submission with a key', () => {
  const key = { 'idempotency-key': 'order-7' };

  it(
    'is answered with the same bytes again: at once, after it has moved on, and from the archive alone',
    withApi(async (api) => {
      const first = await api.post(good, key);
      expect(first.statusCode).toBe(201);
      expect(first.headers['idempotent-replayed']).toBeUndefined();
      const { order_id: id } = first.json<{ order_id: string }>();
      expect(id).toMatch(/^k_[A-Za-z0-9_-]{43}$/);
      const replays = async (when: string) => {
        const again = await api.post({ ...good, item_ids: '1, 2', user_id: '1' }, key);
        expect(again.statusCode, when).toBe(201);
        expect(again.body, when).toBe(first.body);
        expect(again.headers, when).toMatchObject({
          'idempotent-replayed': 'true',
          location: first.headers.location,
          'consistency-token': first.headers['consistency-token'],
        });
      };
      await replays('at once');
      api.log.landEvent(fact('OrderProcessing', id, 2, 'pending'));
      api.log.landEvent(fact('OrderCompleted', id, 3, 'processing'));
      await api.caughtUp();
      await replays('after it has moved on');
      const fresh = await startApiInMemory({ start: false });
      for (const record of api.log.records.flat())
        fresh.log.land({ topic: 'orders', key: record.key, value: record.value, headers: record.headers });
      fresh.readModel.catchUp();
      await fresh.tail.start();
      const again = await fresh.post(good, key);
      expect(again.body, 'on another instance, from the archive').toBe(first.body);
      expect(again.headers['idempotent-replayed']).toBe('true');
      await fresh.stop();
      expect(ids(api).filter((each) => each === id)).toHaveLength(3);
    }),
  );

  it(
    'is 422 with another command',
    withApi(async (api) => {
      await api.post(good, key);
      const other = await api.post({ ...good, total_amount: 12.51 }, key);
      expect(other.json()).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
      expect(ids(api)).toHaveLength(1);
    }),
  );

  it(
    'does not use up its key by being refused',
    withApi(async (api) => {
      expect((await api.post({ ...good, total_amount: -1 }, key)).statusCode).toBe(400);
      expect((await api.post(good, key)).statusCode).toBe(201);
    }),
  );

  it(
    'makes one order out of sixty that come together, and sixty equal answers',
    withApi(async (api) => {
      const answers = await Promise.all(Array.from({ length: 60 }, () => api.post(good, key)));
      expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([201]));
      expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
      expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
      await api.caughtUp();
      expect(api.tail.openOrders()).toBe(1);
    }),
  );

  it(
    'loses against another instance that was faster, and says what that one said',
    withApi(async (api) => {
      const other = await startApiInMemory();
      const theirs = await other.post(good, key);
      const [record] = other.log.records.flat();
      await other.stop();
      api.log.script.push(async (mine) => {
        api.log.land({ topic: 'orders', key: record!.key, value: record!.value, headers: record!.headers });
        return api.log.land(mine);
      });
      const mine = await api.post(good, key);
      expect(mine.body).toBe(theirs.body);
      expect(mine.headers['idempotent-replayed']).toBe('true');
    }),
  );

  it(
    'is its own winner when its append landed twice',
    withApi(async (api) => {
      api.log.script.push(async (record) => {
        api.log.land(record);
        return unknown();
      });
      const answer = await api.post(good, key);
      expect(answer.statusCode).toBe(201);
      expect(answer.headers['idempotent-replayed']).toBeUndefined();
    }),
  );
});

describe('a submission that waits', () => {
  it(
    'without a key is 503 with its order_id when the outcome stays unknown',
    inSteeredTime(
      withApi(async (api) => {
        api.log.script.push(unknown, never);
        const answer = await passUntil(api.post(good), 'an answer');
        expect(answer.statusCode).toBe(503);
        expect(answer.headers['retry-after']).toBe('1');
        expect(answer.json()).toMatchObject({ code: 'LOG_UNAVAILABLE', order_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      }),
    ),
  );

  it(
    'with a key is 202 when the tail does not come to the verdict in time',
    inSteeredTime(
      withApi(async (api) => {
        api.log.hold(true);
        const answer = await passUntil(api.post(good, { 'idempotency-key': 'k' }), 'an answer');
        expect(answer.statusCode).toBe(202);
        const { order_id: id } = answer.json<{ order_id: string }>();
        expect(answer.json()).toEqual({ message: 'Order accepted', order_id: id });
        expect(answer.headers.location).toBe(`/orders/${id}`);
        api.log.hold(false);
        expect((await api.get(`/orders/${id}`)).statusCode).toBe(200);
      }),
    ),
  );
});

describe.concurrent('a submission with an order_id', () => {
  const mine = { ...good, order_id: 'ORD-1' };

  it(
    'gets that id once, and 409 ever after, the same command or not, closed or not',
    withApi(async (api) => {
      const first = await api.post(mine);
      expect(first.json()).toMatchObject({ order_id: 'ORD-1', order: { order_id: 'ORD-1' } });
      expect((await api.post(mine)).json()).toMatchObject({ status: 409, code: 'ORDER_ID_TAKEN' });
      api.log.landEvent(fact('OrderCancelled', 'ORD-1', 2, 'pending'));
      await api.caughtUp();
      expect((await api.post({ ...mine, total_amount: 1 })).statusCode).toBe(409);
      expect(ids(api)).toHaveLength(2);
    }),
  );

  it(
    'is given to one of twenty that come together',
    withApi(async (api) => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => api.post(mine)));
      expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([201, ...Array(19).fill(409)]);
    }),
  );
});
