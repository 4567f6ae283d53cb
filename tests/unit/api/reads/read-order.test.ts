// Reading one order (R7): fresh whatever the projector and the tail are doing, and never a false "there is none".

import { describe, expect, it } from 'vitest';
import { createReadOrder } from '../../../../api/reads/read-order.ts';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import type { StoredOrder } from '../../../../shared/postgres/tables/order-rows.ts';
import { created, event, fact } from '../../../support/builders/order-events.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { inSteeredTime, pass, passUntil } from '../../../support/steered-time.ts';

const withApi = (work: (api: InMemoryApi) => Promise<void>) => async () => {
  const api = await startApiInMemory();
  await work(api);
  await api.stop();
  expect(api.fatal).toEqual([]);
};
const good = { user_id: 1, item_ids: [1], total_amount: 12.5 };
/** Whether it is answered before the limits that a request waits for. */
const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let is = false;
  void promise.then(() => {
    is = true;
  });
  await pass(1_000);
  return is;
};

describe.concurrent('GET /orders/:order_id', () => {
  it(
    'is answered from the row while the tail is behind the projector',
    withApi(async (api) => {
      api.log.hold(true);
      const { order_id: id } = (await api.post(good)).json<{ order_id: string }>();
      api.readModel.catchUp();
      expect((await api.get(`/orders/${id}`)).statusCode).toBe(200);
      api.log.hold(false);
    }),
  );

  it(
    'is answered from memory while the read model is down',
    withApi(async (api) => {
      const { order_id: id } = (await api.post(good)).json<{ order_id: string }>();
      await api.caughtUp();
      api.readModel.broken = true;
      expect((await api.get(`/orders/${id}`)).statusCode).toBe(200);
      expect((await api.get('/orders/other')).json()).toMatchObject({ code: 'READ_MODEL_UNAVAILABLE' });
      api.readModel.broken = false;
    }),
  );

  it(
    'shows the whole order',
    withApi(async (api) => {
      const time = Date.parse('2026-03-01T12:00:00.000Z');
      api.log.landEvent(
        created('o', { items: [{ product_id: '5', quantity: 2, unit_price_minor: 150, stocked: false }], total_minor: 300 }, { time }),
      );
      api.log.landEvent(fact('OrderProcessing', 'o', 2, 'pending', { time: time + 12 }));
      api.log.landEvent(event('OrderParked', 'o', { version: 3, time: time + 500 }));
      await api.caughtUp();
      expect((await api.get('/orders/o')).json()).toEqual({
        order_id: 'o',
        user_id: '101',
        items: [{ product_id: '5', quantity: 2, unit_price: 1.5 }],
        item_ids: ['5'],
        total_amount: 3,
        currency: 'USD',
        status: 'processing',
        version: 3,
        created_at: '2026-03-01T12:00:00.000Z',
        processing_started_at: '2026-03-01T12:00:00.012Z',
        completed_at: null,
        cancelled_at: null,
        rejected_at: null,
        updated_at: '2026-03-01T12:00:00.500Z',
        pending_duration: 0.012,
        processing_duration: null,
        total_duration: null,
        reason: null,
        parked: { since: '2026-03-01T12:00:00.500Z', code: 'FULFILMENT_FAILED', attempts: 3 },
        batch_id: null,
      });
      api.log.landEvent(fact('OrderCompleted', 'o', 4, 'processing', { time: time + 2_012 }));
      await api.caughtUp();
      expect((await api.get('/orders/o')).json()).toMatchObject({
        processing_duration: 2,
        total_duration: 2.012,
        parked: null,
        status: 'completed',
      });
      expect((await api.get('/orders/o/status')).json()).toEqual({
        order_id: 'o',
        status: 'completed',
        version: 4,
        updated_at: '2026-03-01T12:00:02.012Z',
      });
    }),
  );

  it(
    'times an order that never was processed',
    withApi(async (api) => {
      const time = Date.parse('2026-03-01T12:00:00.000Z');
      api.log.landEvent(created('o', {}, { time }));
      api.log.landEvent(event('OrderCancelled', 'o', { version: 2, time: time + 700 }));
      await api.caughtUp();
      expect((await api.get('/orders/o')).json()).toMatchObject({
        pending_duration: 0.7,
        processing_duration: null,
        total_duration: 0.7,
        reason: 'changed my mind',
      });
    }),
  );

  it(
    'has its version as ETag and answers 304 to who has it',
    withApi(async (api) => {
      api.log.landEvent(created('o'));
      await api.caughtUp();
      const answer = await api.get('/orders/o');
      expect(answer.headers).toMatchObject({ etag: '"v1"', 'cache-control': 'private, no-cache' });
      for (const tag of ['"v1"', 'W/"v1"', '"v9", "v1"', '*']) {
        const same = await api.get('/orders/o', { 'if-none-match': tag });
        expect(same.statusCode, tag).toBe(304);
        expect(same.body).toBe('');
        expect(same.headers.etag).toBe('"v1"');
      }
      for (const tag of ['"v2"', 'v1', '""']) expect((await api.get('/orders/o', { 'if-none-match': tag })).statusCode, tag).toBe(200);
    }),
  );
});

describe('GET /orders/:order_id, as time passes', () => {
  it(
    'waits for the tail instead of denying an order that is in the log',
    inSteeredTime(
      withApi(async (api) => {
        api.log.hold(true);
        const { order_id: id } = (await api.post(good)).json<{ order_id: string }>();
        const answer = api.get(`/orders/${id}`);
        expect(await settled(answer)).toBe(false);
        api.log.hold(false);
        expect((await answer).json()).toMatchObject({ order_id: id, status: 'pending' });
      }),
    ),
  );

  it(
    'is 503, not 404, when the end of the log cannot be reached',
    inSteeredTime(
      withApi(async (api) => {
        api.log.hold(true);
        api.log.landEvent(created('somebody', {}));
        const partition = api.log.partitionOf('somebody');
        const unknown = ['x', 'y', 'z', 'w', 'v'].find((id) => api.log.partitionOf(id) === partition)!;
        const answer = await passUntil(api.get(`/orders/${unknown}`), 'an answer');
        expect(answer.json()).toMatchObject({ status: 503, code: 'LOG_UNAVAILABLE' });
        api.log.hold(false);
      }),
    ),
  );
});

describe('a tail that is behind the projector', () => {
  it('does not show an older state than the row that was shown before', async () => {
    const stateOf = (order: OrderEvent[]): StoredOrder => ({
      order: order.reduce<Order | null>((before, each) => evolve(before, each).order, null)!,
      partition: 0,
      createdOffset: 0,
      lastOffset: order.length - 1,
    });
    const facts = [created('o'), fact('OrderProcessing', 'o', 2, 'pending')];
    let position = 0;
    const tail = {
      isSeeded: () => true,
      get: () => (position === 0 ? null : stateOf(facts.slice(0, position))),
      position: () => position,
      checkpoint: () => 0,
      reset: async () => {},
      waitRead: async () => true,
      cannotReadOn: () => null,
    };
    const rows = { lookUp: async () => ({ checkpoint: 2, stored: stateOf(facts) }) };
    const orders = createReadOrder({ tail, rows, logEnd: { ask: async () => new Map() }, partitionOf: () => 0 });
    for (position = 0; position <= 2; position += 1) expect((await orders.known('o'))?.order.version).toBe(2);
  });
});

describe('a database that went back', () => {
  const withTail = (checkpoints: number[], found: number[], checkpoint?: () => number) => {
    let resets = 0;
    const tail = {
      isSeeded: () => true,
      get: () => null,
      position: () => 0,
      checkpoint: checkpoint ?? (() => checkpoints[Math.min(resets, checkpoints.length - 1)]!),
      reset: async () => {
        resets += 1;
      },
      waitRead: async () => true,
      cannotReadOn: () => null,
    };
    const rows = { lookUp: async () => ({ checkpoint: found.shift()!, stored: null }) };
    const orders = createReadOrder({ tail, rows, logEnd: { ask: async () => new Map() }, partitionOf: () => 0 });
    return { orders, resets: () => resets };
  };

  it('resets the tail once, and asks again', async () => {
    const { orders, resets } = withTail([10, 4], [4, 4]);
    expect(await orders.known('o')).toBeNull();
    expect(resets()).toBe(1);
  });

  it('does not reset it again for a read whose base was noted before', async () => {
    const bases = [10, 4, 4]; // noted, then as somebody else's reset has left it
    const { orders, resets } = withTail([10], [4, 4], () => bases.shift()!);
    expect(await orders.known('o')).toBeNull();
    expect(resets()).toBe(0);
  });

  it('again and again is not answered from', async () => {
    const { orders } = withTail([10, 9, 8, 7], [9, 8, 7, 6]);
    await expect(orders.known('o')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });
});

describe.concurrent('GET /orders/:order_id/events', () => {
  const types = (body: { events: { type: string; effect: string }[] }) =>
    body.events.map(({ type, effect }) => `${type.split('.')[1]} ${effect}`);

  it(
    'is the whole story, void events included, wherever the projector stands',
    withApi(async (api) => {
      const first = created('o');
      const story = [
        first,
        first,
        event('OrderCancellationRequested', 'o', { id: 'r1' }),
        fact('OrderProcessing', 'o', 2, 'pending'),
        fact('OrderProcessing', 'o', 2, 'pending'),
        event('OrderRequestRefused', 'o', { causationId: 'r1' }),
        fact('OrderCompleted', 'o', 3, 'processing'),
      ];
      const whole = [
        'OrderCreated applied',
        'OrderCreated void',
        'OrderCancellationRequested request',
        'OrderProcessing applied',
        'OrderProcessing void',
        'OrderRequestRefused refusal',
        'OrderCompleted applied',
      ];
      for (const [index, each] of story.entries()) {
        api.log.landEvent(each);
        await api.caughtUp();
        if (index % 3 === 2) api.readModel.catchUp();
        expect(types((await api.get('/orders/o/events')).json())).toEqual(whole.slice(0, index + 1));
      }
      const [one] = (await api.get('/orders/o/events')).json<{ events: object[] }>().events;
      expect(one).toEqual({
        id: first.id,
        type: 'orders.OrderCreated.v1',
        version: 1,
        effect: 'applied',
        time: new Date(first.time).toISOString(),
        actor: 'system:processor',
        causation_id: null,
        position: { topic: 'orders', partition: api.log.partitionOf('o'), offset: 0 },
        data: first.data,
      });
    }),
  );

  it(
    'comes in pages without holes or repetitions, over the border between archive and tail',
    withApi(async (api) => {
      api.log.landEvent(created('o'));
      for (let n = 0; n < 6; n += 1) api.log.landEvent(fact('OrderProcessing', 'o', 7, 'pending'));
      api.readModel.catchUp();
      for (let n = 0; n < 6; n += 1) api.log.landEvent(fact('OrderCompleted', 'o', 7, 'pending'));
      await api.caughtUp();
      const seen: number[] = [];
      let query = '?limit=5';
      for (;;) {
        const page = (await api.get(`/orders/o/events${query}`)).json<{
          events: { position: { offset: number } }[];
          next_cursor: string | null;
        }>();
        seen.push(...page.events.map(({ position }) => position.offset));
        if (page.next_cursor === null) break;
        query = `?limit=5&cursor=${page.next_cursor}`;
      }
      expect(seen).toEqual(Array.from({ length: 13 }, (_, offset) => offset));
    }),
  );

  it(
    'refuses the cursor of another order',
    withApi(async (api) => {
      for (const id of ['o', 'p'])
        for (const version of [1, 2]) api.log.landEvent(version === 1 ? created(id) : fact('OrderProcessing', id, 2, 'pending'));
      await api.caughtUp();
      const { next_cursor: cursor } = (await api.get('/orders/o/events?limit=1')).json<{ next_cursor: string }>();
      expect((await api.get(`/orders/o/events?limit=1&cursor=${cursor}`)).statusCode).toBe(200);
      expect((await api.get(`/orders/p/events?limit=1&cursor=${cursor}`)).json()).toMatchObject({ code: 'INVALID_CURSOR' });
    }),
  );

  it(
    'is 404 for an order that does not exist, even if somebody asked for it to be cancelled',
    withApi(async (api) => {
      api.log.landEvent(event('OrderCancellationRequested', 'o'));
      await api.caughtUp();
      expect((await api.get('/orders/o/events')).json()).toMatchObject({ code: 'ORDER_NOT_FOUND' });
    }),
  );
});

describe('Consistency-Token', () => {
  it(
    'makes a list wait for the projector, and a single order for the tail',
    inSteeredTime(
      withApi(async (api) => {
        const posted = await api.post(good);
        const token = String(posted.headers['consistency-token']);
        const list = api.get(`/orders?after=${token}`);
        expect(await settled(list)).toBe(false);
        api.readModel.catchUp();
        expect((await passUntil(list, 'the list')).json<{ orders: unknown[] }>().orders).toHaveLength(1);
        expect((await list).headers.consistency).toBeUndefined();
        expect((await api.get(`/orders/${posted.json<{ order_id: string }>().order_id}`, { 'consistency-token': token })).statusCode).toBe(
          200,
        );
      }),
    ),
  );

  it(
    'gives up after two seconds and says so',
    inSteeredTime(
      withApi(async (api) => {
        const token = String((await api.post(good)).headers['consistency-token']);
        for (const url of [`/orders?after=${token}`, `/orders/metrics?after=${token}`]) {
          const answer = await passUntil(api.get(url), 'an answer');
          expect(answer.statusCode).toBe(200);
          expect(answer.headers.consistency).toBe('stale');
        }
      }),
    ),
  );
});

describe.concurrent('a Consistency-Token', () => {
  it.each(['', 'x', 'c1', 'c1.0', 'c1.0.-1', 'c1.zz.0', 'c2.0.0', 'c1.0.0.0'])('%j is none', async (token) => {
    const api = await startApiInMemory();
    await api.post(good);
    expect((await api.get(`/orders?after=${token}`)).json()).toMatchObject({ status: 400, code: 'INVALID_TOKEN' });
    await api.stop();
  });

  it(
    'beyond the end of the log is refused',
    withApi(async (api) => {
      expect((await api.get('/orders?after=c1.0.zzz')).json()).toMatchObject({ code: 'INVALID_TOKEN' });
      expect((await api.get('/orders/any', { 'consistency-token': 'c1.0.0' })).json()).toMatchObject({ code: 'INVALID_TOKEN' });
    }),
  );

  it(
    'that names more places than there are partitions is refused before any of them is waited for',
    withApi(async (api) => {
      await api.post(good);
      const token = `c1${'.0.0'.repeat(200)}`;
      expect((await api.get('/orders', { 'consistency-token': token })).json()).toMatchObject({
        code: 'INVALID_TOKEN',
        detail: expect.stringContaining('names a partition twice'),
      });
    }),
  );
});
