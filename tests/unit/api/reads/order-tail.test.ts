// The tail: what it remembers and for how long, late duplicates, a database that went back, and its bounds.

import { describe, expect, it } from 'vitest';
import { DUPLICATE_WINDOW_MS } from '../../../../shared/order/late-duplicates.ts';
import { created, fact, T0 } from '../../../support/builders/order-events.ts';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, type InMemoryOptions, startApiInMemory } from '../../../support/in-memory/api.ts';
import { inSteeredTime, pass } from '../../../support/steered-time.ts';

const withApi = (work: (api: InMemoryApi) => Promise<void>, options?: InMemoryOptions) => async () => {
  const api = await startApiInMemory(options);
  await work(api);
  await api.stop();
  expect(api.fatal).toEqual([]);
};

/** A whole life, created at `time`. */
const life = (api: InMemoryApi, id: string, time: number, data: Parameters<typeof created>[1] = {}) => {
  const first = created(id, data, { time });
  const place = api.log.landEvent(first);
  api.log.landEvent(fact('OrderProcessing', id, 2, 'pending', { time: time + 1 }));
  api.log.landEvent(fact('OrderCompleted', id, 3, 'processing', { time: time + 2 }));
  return { first, place };
};
/** An order in the same partition as `id`, so that log time there moves to `time`. */
const moveLogTime = (api: InMemoryApi, id: string, time: number) => {
  const partition = api.log.partitionOf(id);
  for (let n = 0; ; n += 1) if (api.log.partitionOf(`clock-${time}-${n}`) === partition) return life(api, `clock-${time}-${n}`, time);
};
const stored = async (api: InMemoryApi) => {
  await api.caughtUp();
  api.readModel.catchUp();
  await eventually(() => api.log.records.every((records, partition) => api.tail.checkpoint(partition) === records.length), {
    what: 'the tail to notice the checkpoint',
  });
};

const submission = { user_id: 1, item_ids: [1], total_amount: 10 };

describe.concurrent('what the tail remembers', () => {
  it(
    'is every open order, stored or not',
    withApi(async (api) => {
      api.log.landEvent(created('a', {}, { time: T0 }));
      await stored(api);
      expect(api.tail.get('a')?.order.status).toBe('pending');
      expect(api.tail.openOrders()).toBe(1);
      api.log.landEvent(fact('OrderProcessing', 'a', 2, 'pending'));
      await api.caughtUp();
      expect(api.tail.get('a')?.order).toMatchObject({ status: 'processing', version: 2 });
    }),
  );

  it(
    'is a closed order until it is stored and a duplicate of it would be looked up',
    withApi(async (api) => {
      life(api, 'a', T0);
      await api.caughtUp();
      moveLogTime(api, 'a', T0 + DUPLICATE_WINDOW_MS + 1);
      await api.caughtUp();
      const asked = api.readModel.checkpointsAsked;
      await eventually(() => api.readModel.checkpointsAsked >= asked + 2, { what: 'the tail to have looked for what to forget' });
      expect(api.tail.get('a')?.order.status, 'before it is stored').toBe('completed');
      expect(api.tail.unstoredEvents('a')).toHaveLength(3);
      expect(api.tail.openOrders()).toBe(0);
      await stored(api);
      expect(api.tail.get('a'), 'after it is stored').toBeNull();
    }),
  );

  it(
    'is a closed order that is stored, while a duplicate of it would pass for new',
    withApi(async (api) => {
      life(api, 'a', T0);
      moveLogTime(api, 'a', T0 + DUPLICATE_WINDOW_MS);
      await stored(api);
      expect(api.tail.get('a')?.order.status).toBe('completed');
    }),
  );

  it(
    'are the events that the projector has not stored, in log order',
    withApi(async (api) => {
      life(api, 'a', T0);
      await api.caughtUp();
      expect(api.tail.unstoredEvents('a').map(({ event }) => event.name)).toEqual(['OrderCreated', 'OrderProcessing', 'OrderCompleted']);
      await stored(api);
      expect(api.tail.unstoredEvents('a')).toEqual([]);
    }),
  );

  it('begins with what is open in the read model', async () => {
    const api = await startApiInMemory({ start: false });
    api.log.landEvent(created('open', {}, { time: T0 }));
    life(api, 'closed', T0);
    api.readModel.catchUp();
    api.log.landEvent(fact('OrderProcessing', 'open', 2, 'pending'));
    await api.tail.start();
    await api.caughtUp();
    expect(api.tail.get('open')?.order).toMatchObject({ status: 'processing', version: 2 });
    expect(api.tail.get('closed')).toBeNull();
    await api.stop();
  });
});

describe.concurrent('a record that is no event', () => {
  it(
    'is passed over',
    withApi(async (api) => {
      api.log.land({ topic: 'orders', key: 'a', value: 'not json', headers: { ce_specversion: '1.0' } });
      api.log.land({ topic: 'orders', key: null, value: null, headers: {} });
      api.log.landEvent(created('a'));
      await api.caughtUp();
      expect(api.tail.get('a')?.order.version).toBe(1);
    }),
  );
});

describe.concurrent('a late duplicate of a closed order (R5)', () => {
  it(
    'of a key is looked up and starts no second life',
    withApi(async (api) => {
      const { first } = life(api, 'k_a', T0, { id_origin: 'key' });
      moveLogTime(api, 'k_a', T0 + 2 * DUPLICATE_WINDOW_MS);
      await stored(api);
      expect(api.tail.get('k_a')).toBeNull();
      const looked = api.readModel.idsLookedUp;
      api.log.landEvent(first);
      await api.caughtUp();
      expect(api.readModel.idsLookedUp).toBe(looked + 1);
      expect(api.tail.get('k_a')).toBeNull();
      expect(api.tail.unstoredEvents('k_a').map(({ effect }) => effect)).toEqual(['void']);
    }),
  );

  it(
    'of a server-made id is looked up once it looks old',
    withApi(async (api) => {
      const { first } = life(api, 's', T0);
      moveLogTime(api, 's', T0 + 2 * DUPLICATE_WINDOW_MS);
      await stored(api);
      api.log.landEvent(first);
      await api.caughtUp();
      expect(api.tail.get('s')).toBeNull();
    }),
  );

  it(
    'is void without a look-up while memory has the order',
    withApi(async (api) => {
      const { first } = life(api, 's', T0);
      await stored(api);
      const looked = api.readModel.idsLookedUp;
      api.log.landEvent(first);
      await api.caughtUp();
      expect(api.readModel.idsLookedUp).toBe(looked);
      expect(api.tail.unstoredEvents('s').map(({ effect }) => effect)).toEqual(['void']);
    }),
  );

  it(
    'of an order that could be forgotten just then starts no second life either',
    withApi(async (api) => {
      const { first } = life(api, 'a', T0);
      moveLogTime(api, 'a', T0 + DUPLICATE_WINDOW_MS + 1);
      await api.caughtUp();
      const { creationOffsets } = api.readModel;
      const gate = Promise.withResolvers<void>();
      let asked = false;
      api.readModel.creationOffsets = async (partition, ids) => {
        asked = true;
        await gate.promise;
        return creationOffsets(partition, ids);
      };
      let keyed = 'k_0';
      for (let n = 1; api.log.partitionOf(keyed) !== api.log.partitionOf('a'); n += 1) keyed = `k_${n}`;
      api.log.hold(true);
      api.log.landEvent(created(keyed, { id_origin: 'key' }, { time: T0 + DUPLICATE_WINDOW_MS + 2 }));
      api.log.landEvent(first);
      api.log.hold(false);
      await eventually(() => asked, { what: 'the look-up of the other order' });
      api.readModel.catchUp();
      const before = api.readModel.checkpointsAsked;
      await eventually(() => api.readModel.checkpointsAsked >= before + 2, { what: 'the tail to hear that all of it is stored' });
      gate.resolve();
      await api.caughtUp();
      expect(api.tail.openOrders(), 'only the other order is open').toBe(1);
    }),
  );

  it('of an order from before the start is looked up, whatever its clock says', async () => {
    const api = await startApiInMemory({ start: false });
    const { first } = life(api, 'before', T0 + 5);
    life(api, 'older', T0);
    api.readModel.catchUp();
    await api.tail.start();
    api.log.landEvent(first);
    await api.caughtUp();
    expect(api.tail.get('before')).toBeNull();
    await api.stop();
  });

  it(
    'is told from the order itself that the projector stored before we read it',
    withApi(async (api) => {
      api.log.hold(true);
      const { first } = life(api, 'k_fast', T0, { id_origin: 'key' });
      api.readModel.catchUp();
      api.log.hold(false);
      await api.caughtUp();
      expect(api.tail.get('k_fast')?.order).toMatchObject({ createdEventId: first.id, version: 3 });
    }),
  );

  it(
    'waits for the read model when that is down',
    withApi(async (api) => {
      const { first } = life(api, 'k_a', T0, { id_origin: 'key' });
      moveLogTime(api, 'k_a', T0 + 2 * DUPLICATE_WINDOW_MS);
      await stored(api);
      api.readModel.broken = true;
      const { partition, offset } = api.log.landEvent(first);
      expect(await api.tail.waitRead({ partition, offset }, 50)).toBe(false);
      api.readModel.broken = false;
      expect(await api.tail.waitRead({ partition, offset }, 5_000)).toBe(true);
      expect(api.tail.get('k_a')).toBeNull();
    }),
  );
});

describe.concurrent('a checkpoint that went back (R8)', () => {
  it(
    'is noticed when a late duplicate is looked up: it does not revive an order that the rows have forgotten',
    withApi(async (api) => {
      const { first } = life(api, 'k_closed', T0);
      moveLogTime(api, 'k_closed', T0 + 2 * DUPLICATE_WINDOW_MS);
      await stored(api);
      expect(api.tail.get('k_closed')).toBeNull();
      api.readModel.wipe();
      api.readModel.checkpoints = () => new Promise(() => {}); // the tail has not heard of it
      api.log.landEvent(first);
      await eventually(() => api.tail.get('k_closed')?.order.status === 'completed', { what: 'the tail to read from the beginning again' });
      await api.caughtUp();
      expect(api.tail.unstoredEvents('k_closed').map(({ effect }) => effect)).toEqual(['applied', 'applied', 'applied', 'void']);
    }),
  );

  it(
    'is noticed by a read, which then answers rightly',
    withApi(async (api) => {
      life(api, 'closed', T0);
      moveLogTime(api, 'closed', T0 + 2 * DUPLICATE_WINDOW_MS);
      await stored(api);
      api.readModel.wipe();
      const answer = await api.get('/orders/closed');
      expect(answer.json()).toMatchObject({ status: 'completed', version: 3 });
    }),
  );
});

describe.concurrent('the bounds of the tail (R13)', () => {
  it(
    'hold reading back until the projector has made room',
    withApi(
      async (api) => {
        for (let n = 0; n < 30; n += 1) {
          life(api, `full-${n}`, T0 + n * (DUPLICATE_WINDOW_MS + 1));
          await api.caughtUp().catch(() => {});
          if (api.tail.checks.tail() !== null) break;
        }
        expect(api.tail.checks.tail()).toBe('The tail is full and waits for the projector.');
        expect((await api.get('/health/ready')).statusCode).toBe(503);
        const { place } = life(api, 'one-more', T0);
        // How many orders are open is not known now.
        expect((await api.post(submission)).json()).toMatchObject({ status: 503, code: 'OVERLOADED' });
        api.readModel.catchUp();
        expect(await api.tail.waitRead(place, 5_000)).toBe(true);
        await eventually(() => api.tail.checks.tail() === null, { what: 'the tail to be ready again' });
        expect((await api.post(submission)).statusCode).toBe(201);
      },
      { tailMax: 3 },
    ),
  );

  it(
    'never hold back the facts that close what is open',
    withApi(
      async (api) => {
        const ids = Array.from({ length: 12 }, (_, n) => `open-${n}`);
        for (const id of ids) api.log.landEvent(created(id));
        api.readModel.catchUp();
        await api.caughtUp();
        for (const id of ids) api.log.landEvent(fact('OrderCancelled', id, 2, 'pending'));
        api.readModel.catchUp();
        await api.caughtUp();
        expect(api.tail.openOrders()).toBe(0);
      },
      { tailMax: 3 },
    ),
  );
});

describe.concurrent('readiness', () => {
  it('comes when the tail has read what was in the log at the start', async () => {
    const api = await startApiInMemory({ start: false });
    expect((await api.get('/health/live')).statusCode).toBe(200);
    expect((await api.get('/health/ready')).json()).toMatchObject({ status: 'unavailable', checks: { tail: { ok: false } } });
    life(api, 'a', T0);
    api.log.hold(true);
    await Promise.all([api.tail.start(), api.catalogue.start()]);
    expect(api.tail.checks.tail()).toBe('The tail has not caught up with the log yet.');
    api.log.hold(false);
    await eventually(async () => (await api.get('/health/ready')).statusCode === 200, { what: 'the api to be ready' });
    await api.stop();
  });

  it('waits for a read model that is not there yet', async () => {
    const api = await startApiInMemory({ start: false });
    api.readModel.broken = true;
    const started = api.tail.start();
    expect((await api.get('/orders/x')).json()).toMatchObject({ status: 503, code: 'LOG_UNAVAILABLE' });
    api.readModel.broken = false;
    await started;
    expect((await api.get('/orders/x')).statusCode).toBe(404);
    await api.stop();
  });
});

describe('what is noticed without being asked', () => {
  const IDLE_LOOK_MS = 2_000; // checkpoint-watch.ts

  it(
    'a checkpoint that went back (R8) makes the tail start again, and it knows again what it knew',
    inSteeredTime(
      withApi(async (api) => {
        life(api, 'closed', T0);
        api.log.landEvent(created('open', {}, { time: T0 + 2 * DUPLICATE_WINDOW_MS }));
        moveLogTime(api, 'closed', T0 + 2 * DUPLICATE_WINDOW_MS);
        await api.caughtUp();
        api.readModel.catchUp();
        await pass(IDLE_LOOK_MS);
        await stored(api);
        expect(api.tail.get('closed')).toBeNull();
        api.readModel.wipe();
        await pass(IDLE_LOOK_MS);
        await eventually(() => api.tail.get('closed')?.order.status === 'completed', { what: 'the tail to read from the beginning again' });
        await eventually(() => api.tail.get('open')?.order.status === 'pending', { what: 'the open order to be back' });
      }),
    ),
  );

  it(
    'readiness goes when the read model does, and comes back',
    inSteeredTime(
      withApi(async (api) => {
        api.readModel.broken = true;
        await pass(IDLE_LOOK_MS);
        await eventually(() => api.tail.checks.read_model() !== null, { what: 'the api to notice' });
        expect((await api.get('/health/ready')).statusCode).toBe(503);
        expect((await api.get('/orders')).json()).toMatchObject({ status: 503, code: 'READ_MODEL_UNAVAILABLE' });
        expect((await api.get('/orders')).headers['retry-after']).toBe('1');
        api.readModel.broken = false;
        await pass(IDLE_LOOK_MS);
        await eventually(() => api.tail.checks.read_model() === null, { what: 'the api to be ready again' });
      }),
    ),
  );
});
