// The counters never drift from the rows: for any interleaving of any events, cut into batches anywhere.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { project } from '../../../../projector/project.ts';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { ORDER_STATUSES } from '../../../../shared/order/lifecycle.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import { zeroCounters } from '../../../../shared/postgres/tables/counters.ts';
import type { StoredOrder } from '../../../../shared/postgres/tables/order-rows.ts';
import { bucketOf } from '../../../../shared/postgres/tables/processing-time.ts';
import { decodedOf, recordsOf } from '../../../support/builders/log-records.ts';
import { created, event, fact, T0 } from '../../../support/builders/order-events.ts';
import { createInMemoryStore, type Tables } from '../../../support/in-memory/store.ts';

const PARTITIONS = 2;
const FACTS = [
  'OrderProcessing',
  'OrderCompleted',
  'OrderCancelled',
  'OrderRejected',
  'OrderAmended',
  'OrderParked',
  'OrderUnparked',
] as const;

/** One step of a history: mostly a fact with the version that fits, sometimes a duplicate, a stale or an early one. */
const step = fc.record({
  order: fc.integer({ min: 0, max: 5 }),
  kind: fc.integer({ min: 0, max: FACTS.length }),
  staleness: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -1, max: 2 }) }),
  time: fc.integer({ min: T0, max: T0 + 100_000 }),
  request: fc.constantFrom(null, null, null, 'r-1', 'r-2'),
});

const historyOf = (steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): OrderEvent[] => {
  const orders = new Map<string, Order | null>();
  return steps.map(({ order, kind, staleness, time, request }) => {
    const id = `order-${order}`;
    const version = Math.max(1, (orders.get(id)?.version ?? 0) + 1 - staleness);
    const items = [{ product_id: `p-${order}`, quantity: 1, unit_price_minor: null, stocked: false }];
    const next =
      version === 1
        ? created(id, { total_minor: 100 + order, items }, { time })
        : kind === FACTS.length
          ? event('OrderRequestRefused', id, { causationId: request })
          : fact(FACTS[kind]!, id, version, 'pending', { time, causationId: request });
    orders.set(id, evolve(orders.get(id) ?? null, next).order);
    return next;
  });
};

const partitionOf = (each: OrderEvent): number => Number(each.orderId.slice(-1)) % PARTITIONS;

/** Projects the events in batches of the given sizes, as the live projector would, with every intermediate state. */
const projectInBatches = async (
  events: readonly OrderEvent[],
  sizes: readonly number[],
  seen: (tables: Tables) => void,
): Promise<Tables> => {
  const store = createInMemoryStore();
  await store.createCheckpoints('topic', [0, 1]);
  const offsets = [0, 0];
  const rest = [...events];
  for (let i = 0; rest.length > 0; i += 1) {
    const some = rest.splice(0, sizes[i % sizes.length]);
    const records = some.flatMap((each) => {
      const partition = partitionOf(each);
      offsets[partition]! += 1;
      return recordsOf([each], partition, offsets[partition]! - 1);
    });
    const loaded = await store.load(some.map(({ orderId }) => orderId));
    await store.commit(project(decodedOf(records), (id) => loaded.get(id) ?? null));
    seen(store.tables());
  }
  return store.tables();
};

const foldAll = (all: readonly OrderEvent[]): Map<string, Order> => {
  const orders = new Map<string, Order>();
  for (const each of all) {
    const { order } = evolve(orders.get(each.orderId) ?? null, each);
    if (order !== null) orders.set(each.orderId, order);
  }
  return orders;
};

const recount = (orders: readonly StoredOrder[]): Pick<Tables, 'counters' | 'histogram' | 'products'> => {
  const expected: Pick<Tables, 'counters' | 'histogram' | 'products'> = { counters: {}, histogram: {}, products: [] };
  for (const { order, partition } of orders) {
    const sums = expected.counters[partition] ?? zeroCounters();
    expected.counters[partition] = sums;
    sums[order.status] += 1;
    if (order.parked) sums.parked += 1;
    for (const { product_id } of order.items) expected.products.push(`${product_id} ${order.createdAt} ${order.orderId}`);
    if (order.status !== 'completed') continue;
    const ms = order.completedAt! - order.processingStartedAt!;
    sums.revenueMinor += order.totalMinor;
    sums.processingMs += ms;
    sums.totalMs += order.completedAt! - order.createdAt;
    sums.completedProcessing += 1;
    const bucket = `${partition}/${bucketOf(ms)}`;
    expected.histogram[bucket] = (expected.histogram[bucket] ?? 0) + 1;
  }
  expected.products.sort();
  return expected;
};

const events = fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }).map(historyOf);
const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });

it('are tested on histories that reach every status', () => {
  const reached = fc.sample(events, 200).flatMap((all) => [...foldAll(all).values()]);
  const statuses = new Set(reached.map(({ status }) => status));
  expect(statuses).toEqual(new Set(ORDER_STATUSES));
  expect(reached.filter(({ status }) => status === 'completed').length).toBeGreaterThan(20);
  expect(reached.filter(({ parked }) => parked !== null).length).toBeGreaterThan(20);
});

it('equal a recount of the rows after every batch, and are never negative', async () => {
  await fc.assert(
    fc.asyncProperty(events, sizes, async (all, cuts) => {
      await projectInBatches(all, cuts, ({ orders, counters, histogram, products }) => {
        expect({ counters, histogram, products }).toEqual(recount(orders));
        for (const sums of Object.values(counters)) expect(Math.min(...Object.values(sums))).toBeGreaterThanOrEqual(0);
      });
    }),
    { numRuns: 150 },
  );
});

it('do not depend on where the log was cut into batches, and neither does anything else', async () => {
  await fc.assert(
    fc.asyncProperty(events, sizes, async (all, cuts) => {
      const whole = await projectInBatches(all, [all.length], () => {});
      expect(await projectInBatches(all, cuts, () => {})).toEqual(whole);
    }),
    { numRuns: 150 },
  );
});
