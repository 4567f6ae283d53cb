// GET /orders/metrics against a recount of the raw log.
// 100,000 orders of every kind, written to a real log while a real projector projects it. Every figure is equal, to the cent; percentiles
// are within the 1 % that the histogram promises.

import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { ORDER_STATUSES } from '../../../shared/order/lifecycle.ts';
import { eventually } from '../../support/eventually.ts';
import { type ApisOnStack, startApisOnStack } from '../../support/stack/service/api-on-stack.ts';
import { mixedLives } from './mixed-lives.ts';
import { type Recount, recount } from './recount.ts';

const ORDERS = 100_000;
const SEED = 20_261_121;
// The lives of this many orders run side by side in the log.
const SIDE_BY_SIDE = 1_000;
const LISTED_MAX = 1_000;

let stack: ApisOnStack;
let counted: Recount;
let projector: Awaited<ReturnType<ApisOnStack['startProjector']>>;
beforeAll(async () => {
  stack = await startApisOnStack(0);
  projector = await stack.startProjector();
  const written = Promise.withResolvers<number>();
  const counting = recount(inject('stack').kafka.split(','), stack.topic, `${stack.topic}.recount`, written.promise);
  written.resolve(await writeAll());
  counted = await counting;
  const stored = async () => {
    const { rows } = await stack.database.query<{ sum: number }>('SELECT coalesce(sum(next_offset), 0)::int8 AS sum FROM checkpoints');
    return rows[0]!.sum === counted.records;
  };
  await eventually(stored, { what: 'the projector to have stored the whole log', timeoutMs: 90_000 });
  await stack.startApi().then((api) => stack.instances.push(api));
}, 180_000);
afterAll(async () => {
  await projector?.stop();
  await stack?.stop();
});

const writeAll = async (): Promise<number> => {
  let records = 0;
  const lives = mixedLives(ORDERS, SEED);
  for (let block = 0; block < ORDERS; block += SIDE_BY_SIDE) {
    let some = Array.from({ length: SIDE_BY_SIDE }, () => lives.next().value!);
    for (let step = 0; some.length > 0; step += 1) {
      some = some.filter((life) => life.length > step);
      records += some.length;
      await Promise.all(some.map((life) => stack.append(life[step]!)));
    }
  }
  return records;
};

const metrics = async (query = '') => (await stack.instances[0]!.get(`/orders/metrics${query}`)).body;
const nearestRank = (sorted: readonly number[], share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
const mean = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

it('is about a log that has everything in it', () => {
  for (const status of ORDER_STATUSES) expect(counted.count(status), status).toBeGreaterThan(LISTED_MAX);
  expect(counted.parked).toBeGreaterThan(1_000);
  expect(counted.passedOver).toBeGreaterThan(50_000);
  expect(counted.records).toBeGreaterThan(300_000);
});

it('counts every status as the log does', async () => {
  const body = await metrics();
  const counts = Object.fromEntries(ORDER_STATUSES.map((status) => [`${status}_orders`, counted.count(status)]));
  expect(body).toMatchObject({ total_orders: ORDERS, ...counts, parked_orders: counted.parked });
});

it('has the revenue and the average of the log, to the cent', async () => {
  const body = await metrics();
  const cents = (amount: number): string => amount.toFixed(2).replace('.', '');
  expect(cents(body.total_revenue)).toBe(String(counted.revenue));
  const completed = BigInt(counted.count('completed'));
  const average = (2n * counted.revenue + completed) / (2n * completed); // rounded half up, in whole numbers
  expect(cents(body.average_order_value)).toBe(String(average));
  expect(body.currency).toBe('USD');
});

it('has the mean times of the log, to the millisecond', async () => {
  const body = await metrics();
  expect(body.average_processing_time).toBe(Math.round(mean(counted.processing)) / 1000);
  expect(body.average_processing_time_from_creation).toBe(Math.round(mean(counted.fromCreation)) / 1000);
});

it.each([
  ['p50_processing_time', 0.5],
  ['p95_processing_time', 0.95],
  ['p99_processing_time', 0.99],
])('has the %s of the log, within 1 %%', async (name, share) => {
  const exact = nearestRank(counted.processing, share) / 1000;
  const told = (await metrics())[name];
  expect(told).toBeGreaterThanOrEqual(exact * 0.99);
  expect(told).toBeLessThanOrEqual(exact * 1.01);
});

it('lists the newest of each status', async () => {
  const { orders } = await metrics('?order_ids=true');
  for (const status of ORDER_STATUSES) {
    expect(orders[status], status).toEqual({
      count: counted.count(status),
      order_ids: counted.ids(status).slice(0, LISTED_MAX),
      truncated: true,
    });
  }
});
