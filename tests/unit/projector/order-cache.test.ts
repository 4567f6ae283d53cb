// Rows that are remembered: bounded, and forgotten when they may be somebody else's.

import { expect, it } from 'vitest';
import { createOrderCache } from '../../../projector/order-cache.ts';
import { project } from '../../../projector/project.ts';
import type { StoredOrder } from '../../../shared/postgres/tables/order-rows.ts';
import { decodedOf, recordsOf } from '../../support/builders/log-records.ts';
import { created } from '../../support/builders/order-events.ts';

const rowOf = (orderId: string, partition = 0): StoredOrder =>
  project(decodedOf(recordsOf([created(orderId)], partition)), () => null).changes[0]!.after;

it('never holds more than it may, and keeps the latest half', () => {
  const cache = createOrderCache(100);
  for (let i = 0; i < 1_000; i += 1) cache.set(rowOf(`o-${i}`));
  const kept = Array.from({ length: 1_000 }, (_, i) => `o-${i}`).filter((id) => cache.has(id));
  expect(kept.length).toBeLessThanOrEqual(100);
  for (let i = 951; i < 1_000; i += 1) expect(cache.get(`o-${i}`)?.order.orderId).toBe(`o-${i}`);
});

it('answers with the newest row of an order', () => {
  const cache = createOrderCache(4);
  cache.set(rowOf('a'));
  cache.set(rowOf('b'));
  const newer = { ...rowOf('a'), lastOffset: 7 };
  cache.set(newer);
  expect(cache.get('a')).toBe(newer);
});

it('forgets a partition as a whole, and only that one', () => {
  const cache = createOrderCache(4);
  for (const [id, partition] of [
    ['a', 0],
    ['b', 1],
    ['c', 0],
  ] as const)
    cache.set(rowOf(id, partition));
  cache.clearPartition(0);
  expect([cache.has('a'), cache.has('b'), cache.has('c')]).toEqual([false, true, false]);
});
