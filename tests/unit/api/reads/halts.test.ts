// A record of a type that only newer code knows.
// The api does not read on there and writes nothing, serves what it has, and says why it is not ready.

import { describe, expect, it } from 'vitest';
import type { RecordToAppend } from '../../../../shared/log/log.ts';
import { created, fact } from '../../../support/builders/order-events.ts';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

const ofType = (type: string, key: string): RecordToAppend => ({
  topic: type.split('.')[0]!,
  key,
  value: '{}',
  headers: { ce_specversion: '1.0', ce_id: 'x', ce_type: type, ce_subject: key, ce_time: '2026-01-01T00:00:00.000Z' },
});
const SENTENCE = /orders\.OrderTeleported\.v1: deploy a version that knows it/;
const REFUSED = { code: 'LOG_UNAVAILABLE', detail: 'This instance cannot read all of the log: a newer version has written to it.' };

/** `a` is known, and in its partition comes what newer code wrote; `other` is in another partition. */
const halted = async (): Promise<{ api: InMemoryApi; other: string }> => {
  const api = await startApiInMemory();
  const other = ['b', 'c', 'd', 'e'].find((id) => api.log.partitionOf(id) !== api.log.partitionOf('a'))!;
  api.log.landEvent(created('a'));
  api.log.land(ofType('orders.OrderTeleported.v1', 'a'));
  api.log.landEvent(fact('OrderProcessing', 'a', 2, 'pending'));
  api.log.landEvent(created(other));
  await eventually(() => api.tail.cannotReadOn() !== null && api.tail.get(other) !== null, { what: 'the tail to halt' });
  return { api, other };
};
const withHalted = (work: (halt: Awaited<ReturnType<typeof halted>>) => Promise<void>) => async () => {
  const halt = await halted();
  await work(halt);
  expect(halt.api.fatal).toEqual([]);
  await halt.api.stop();
};
const inPartitionOf = (api: InMemoryApi, id: string): string => {
  for (let n = 0; ; n += 1) if (api.log.partitionOf(`nobody-${n}`) === api.log.partitionOf(id)) return `nobody-${n}`;
};

describe.concurrent('after a record that only newer code knows', () => {
  it(
    'says in its readiness what to do',
    withHalted(async ({ api }) => {
      const ready = await api.get('/health/ready');
      expect(ready.statusCode).toBe(503);
      expect(ready.json().checks.tail).toEqual({ ok: false, detail: expect.stringMatching(SENTENCE) });
      expect((await api.get('/health/live')).statusCode).toBe(200);
    }),
  );

  it(
    'serves what comes before it, and the other partitions as ever',
    withHalted(async ({ api, other }) => {
      expect((await api.get('/orders/a')).json()).toMatchObject({ status: 'pending', version: 1 });
      api.log.landEvent(fact('OrderProcessing', other, 2, 'pending'));
      await eventually(async () => (await api.get(`/orders/${other}`)).json().version === 2, { what: 'the other partition to be read on' });
      expect((await api.get(`/orders/${inPartitionOf(api, other)}`)).statusCode).toBe(404);
      expect((await api.get('/orders')).statusCode).toBe(200);
    }),
  );

  it(
    'does not say of an order that there is none, where it has not read on',
    withHalted(async ({ api }) => {
      const answer = await api.get(`/orders/${inPartitionOf(api, 'a')}`);
      expect([answer.statusCode, answer.json()]).toEqual([503, expect.objectContaining(REFUSED)]);
    }),
  );

  it(
    'writes nothing: neither orders nor requests nor products',
    withHalted(async ({ api, other }) => {
      const before = [...api.log.records, ...api.productLog.records].flat().length;
      const refused = [
        await api.post({ user_id: 1, item_ids: [1], total_amount: 10 }),
        await api.post({ user_id: 1, item_ids: [1], total_amount: 10 }, { 'idempotency-key': 'k' }),
        await api.post({}, {}, `/orders/${other}/cancel`),
        await api.post({ product_id: 'p', name: 'p', price: 1 }, {}, '/products'),
      ];
      for (const answer of refused) expect([answer.statusCode, answer.json()]).toEqual([503, expect.objectContaining(REFUSED)]);
      const batch = await api.post({ total_entries: 3 }, {}, '/orders/populate');
      expect(batch.json()).toMatchObject({ success_count: 0, failure_count: 3, errors: [{ code: 'LOG_UNAVAILABLE' }, {}, {}] });
      expect([...api.log.records, ...api.productLog.records].flat()).toHaveLength(before);
    }),
  );

  it(
    'stays there when the read model was put back, and reads on what comes before it',
    withHalted(async ({ api, other }) => {
      api.readModel.wipe();
      api.readModel.catchUp();
      await eventually(() => api.tail.checkpoint(api.log.partitionOf('a')) === 3, {
        what: 'the tail to see a checkpoint behind the record',
      });
      api.readModel.wipe();
      await eventually(() => api.tail.checkpoint(api.log.partitionOf('a')) === 0, { what: 'the tail to start again' });
      await eventually(() => api.tail.get('a') !== null && api.tail.get(other) !== null, { what: 'the tail to read again' });
      expect(api.tail.cannotReadOn()).toMatch(SENTENCE);
      expect((await api.get('/orders/a')).json()).toMatchObject({ version: 1 });
    }),
  );

  it(
    'shows what a projector has stored that knows it',
    withHalted(async ({ api }) => {
      api.readModel.catchUp();
      await eventually(async () => (await api.get('/orders')).json().orders.length === 2, { what: 'both orders in the list' });
    }),
  );
});

it('halts in the topic of products in the same way', async () => {
  const api = await startApiInMemory();
  api.productLog.land(ofType('products.ProductTeleported.v1', 'p'));
  await eventually(() => api.catalogue.cannotReadOn() !== null, { what: 'the catalogue to halt' });
  const ready = await api.get('/health/ready');
  expect(ready.json().checks.catalogue).toEqual({ ok: false, detail: expect.stringContaining('products.ProductTeleported.v1: deploy') });
  const refused = await api.post({ user_id: 1, item_ids: [1], total_amount: 10 });
  expect([refused.statusCode, refused.json()]).toEqual([503, expect.objectContaining(REFUSED)]);
  expect((await api.get('/orders')).statusCode).toBe(200);
  expect(api.fatal).toEqual([]);
  await api.stop();
});
