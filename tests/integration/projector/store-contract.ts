// tests/integration/projector/store-contract.ts: what every store of the read model promises. Runs on PostgreSQL, and on the
// in-memory store that the fast tests trust in its place.

import { beforeEach, describe, expect, it } from 'vitest';
import { project } from '../../../projector/project.ts';
import type { Store } from '../../../projector/store/store.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import { decodedOf, recordsOf, undecodableRecord } from '../../support/builders/log-records.ts';
import { created, event, fact, T0 } from '../../support/builders/order-events.ts';
import type { Tables } from '../../support/in-memory/store.ts';

export interface StoreUnderTest {
  store: Store;
  tables: () => Promise<Tables>;
}

const TOPIC_ID = 'topic-id';
const item = (product_id: string) => ({ product_id, quantity: 2, unit_price_minor: 1_999, stocked: true });

/** Every column filled, and text that has to be escaped somewhere. */
const STRANGE = 'ünï "quoted" \\back\\slash {brace}, \' comma\ttab\nline 🎉 NULL';

export const storeContract = (name: string, open: () => Promise<StoreUnderTest>): void => {
  describe(`the store contract, ${name}`, () => {
    let { store, tables }: StoreUnderTest = { store: undefined!, tables: undefined! };

    beforeEach(async () => {
      ({ store, tables } = await open());
      await store.createCheckpoints(TOPIC_ID, [0, 1]);
    });

    const commitRecords = async (records: LogRecord[]): Promise<void> => {
      const decoded = decodedOf(records);
      const ids = decoded.flatMap((each) => (each.decoded.ok ? [each.decoded.event.orderId] : []));
      const loaded = await store.load(ids);
      await store.commit(project(decoded, (id) => loaded.get(id) ?? null));
    };
    const commit = (events: OrderEvent[], partition = 0, from = 0): Promise<void> => commitRecords(recordsOf(events, partition, from));

    it('begins at offset 0 of the topic that it was told, however often it is told', async () => {
      await store.createCheckpoints('another topic', [0, 1, 2]);
      const checkpoints = await store.checkpoints();
      expect(checkpoints.get(1)).toEqual({ partition: 1, nextOffset: 0, topicId: TOPIC_ID, lastEventId: null });
      expect(checkpoints.get(2)).toEqual({ partition: 2, nextOffset: 0, topicId: 'another topic', lastEventId: null });
    });

    it('gives back orders as they were written, with every field', async () => {
      const strange = created(
        STRANGE.slice(0, 60),
        {
          user_id: 'u-1',
          items: [item('5'), item('6')],
          total_minor: 999_999_999_999,
          currency: 'EUR',
          id_origin: 'key',
          batch_id: 'b-1',
          key_hash: 'k',
          command_hash: STRANGE,
        },
        { time: T0 + 1, id: STRANGE },
      );
      const { orderId } = strange;
      const facts = [
        fact('OrderProcessing', orderId, 2, 'pending', { time: T0 + 2, causationId: STRANGE }),
        event('OrderFulfilmentAccepted', orderId, { version: 3, time: T0 + 3, data: { reference: STRANGE } }),
        event('OrderParked', orderId, { version: 4, time: T0 + 4, data: { code: STRANGE.slice(0, 60), attempts: 7 } }),
        event('OrderCancelled', orderId, { version: 5, time: T0 + 5, causationId: 'r-2', data: { reason: STRANGE } }),
      ];
      const plain = created('plain');
      const expected = (events: OrderEvent[]) => project(decodedOf(recordsOf(events)), () => null).changes.map(({ after }) => after);

      // In one go, and one by one: rows that are inserted and rows that are changed.
      await commit([strange, ...facts, plain]);
      expect(await store.load([orderId, 'plain', 'unknown'])).toEqual(
        new Map(expected([strange, ...facts, plain]).map((stored) => [stored.order.orderId, stored])),
      );
      const other = { ...strange, orderId: `${orderId}2` };
      for (const [i, each] of [other, ...facts.map((some) => ({ ...some, orderId: other.orderId }))].entries()) {
        await commit([each as OrderEvent], 1, i);
        const life = [other, ...facts.map((some) => ({ ...some, orderId: other.orderId }))].slice(0, i + 1) as OrderEvent[];
        expect([...(await store.load([other.orderId])).values()]).toEqual(expected(life).map((stored) => ({ ...stored, partition: 1 })));
      }
    });

    it('keeps counters, products, histogram and archive with the rows', async () => {
      const [a, b] = [created('a', { items: [item('5'), item('6')], total_minor: 100 }), created('b', { items: [item('6')] })];
      const processing = fact('OrderProcessing', 'a', 2, 'pending', { time: a.time + 10 });
      const completed = fact('OrderCompleted', 'a', 3, 'processing', { time: a.time + 2_010 });
      const amended = fact('OrderAmended', 'b', 2, 'pending');
      await commit([a, b, processing]);
      await commit([completed, amended], 0, 3);
      const { counters, products, histogram, archive, checkpoints } = await tables();
      expect(counters[0]).toEqual({
        pending: 1,
        processing: 0,
        completed: 1,
        cancelled: 0,
        rejected: 0,
        parked: 0,
        revenueMinor: 100,
        processingMs: 2_000,
        totalMs: 2_010,
        completedProcessing: 1,
      });
      expect(products).toEqual([`5 ${a.time} a`, `6 ${a.time} a`, `7 ${b.time} b`]);
      expect(Object.values(histogram)).toEqual([1]);
      expect(archive.map(({ position, orderId, effect }) => [position, orderId, effect])).toEqual([
        ['0@0', 'a', 'applied'],
        ['0@1', 'b', 'applied'],
        ['0@2', 'a', 'applied'],
        ['0@3', 'a', 'applied'],
        ['0@4', 'b', 'applied'],
      ]);
      expect(checkpoints[0]).toEqual({ nextOffset: 5, topicId: TOPIC_ID, lastEventId: amended.id });
    });

    it('archives the bytes of records that change nothing and of records that are no events', async () => {
      const record = {
        ...undecodableRecord(0, 1),
        timestamp: -1,
        headers: { odd: Buffer.from([0, 255, 10]) },
        value: Buffer.from([0, 1, 2, 255]),
      };
      const empty = { ...undecodableRecord(0, 2), value: null };
      await commitRecords([...recordsOf([event('OrderCancellationRequested', 'nobody')]), record, empty]);
      const { archive, orders, counters } = await tables();
      expect(archive).toMatchObject([
        { effect: 'request', orderId: 'nobody', type: 'orders.OrderCancellationRequested.v1' },
        { effect: 'undecodable', orderId: null, type: null, recordedAt: 0, key: null, value: 'AAEC/w==', headers: 'A29kZAMA/wo=' },
        { effect: 'undecodable', value: null, headers: '' },
      ]);
      expect({ orders, counters }).toEqual({ orders: [], counters: {} });
    });

    it('counts what leaves as well as what comes', async () => {
      await commit([created('a'), created('b'), created('c')]);
      await commit(
        [
          fact('OrderProcessing', 'a', 2, 'pending'),
          fact('OrderParked', 'a', 3, 'processing'),
          fact('OrderCancelled', 'b', 2, 'pending'),
          fact('OrderRejected', 'c', 2, 'pending'),
        ],
        0,
        3,
      );
      expect((await tables()).counters[0]).toMatchObject({ pending: 0, processing: 1, cancelled: 1, rejected: 1, parked: 1 });
      await commit([fact('OrderCancelled', 'a', 4, 'processing')], 0, 7);
      expect((await tables()).counters[0]).toMatchObject({ pending: 0, processing: 0, cancelled: 2, rejected: 1, parked: 0 });
    });

    it('refuses a batch whose checkpoint is elsewhere, and writes nothing of it', async () => {
      await commit([created('a')]);
      const before = await tables();
      const [early, late] = [recordsOf([created('b')], 0, 0), recordsOf([created('b')], 0, 2)];
      const fine = recordsOf([created('c')], 1, 0);
      for (const records of [early, late, [...early, ...fine], [...fine, ...late]]) {
        await expect(store.commit(project(decodedOf(records), () => null))).rejects.toMatchObject({ code: 'CHECKPOINT_MOVED' });
      }
      await expect(store.commit(project(decodedOf(recordsOf([created('d')], 7)), () => null))).rejects.toMatchObject({
        code: 'CHECKPOINT_MOVED',
      });
      expect(await tables()).toEqual(before);
    });

    it('lets exactly one of two writers of the same records through', async () => {
      const batch = () => project(decodedOf(recordsOf([created('a'), created('b')])), () => null);
      const results = await Promise.allSettled(Array.from({ length: 5 }, () => store.commit(batch())));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CHECKPOINT_MOVED' });
      const { counters, archive } = await tables();
      expect(counters[0]).toMatchObject({ pending: 2 });
      expect(archive).toHaveLength(2);
    });

    it('finds nothing when asked for nothing', async () => {
      expect(await store.load([])).toEqual(new Map());
    });
  });
};
