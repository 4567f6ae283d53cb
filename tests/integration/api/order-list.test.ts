// GET /orders on a real database.
// Pages have no holes and no repetitions under any filter, and each filter is an index range.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ListFilters, type ListQuery, listStatement } from '../../../api/reads/order-list.ts';
import { createReadModel, type ReadModel } from '../../../api/reads/read-model.ts';
import { ORDER_STATUSES } from '../../../shared/order/lifecycle.ts';
import type { Order } from '../../../shared/order/order.ts';
import { openReadModel } from '../../support/stack/service/api-on-stack.ts';

const COUNT = 20_000;
// Ten orders share each millisecond, so that the id has to decide.
const START = Date.UTC(2026, 0, 1);

let opened: Awaited<ReturnType<typeof openReadModel>>;
let readModel: ReadModel;
let all: Order[];
beforeAll(async () => {
  opened = await openReadModel();
  readModel = createReadModel(opened.database, 'orders');
  await opened.database.query(
    `INSERT INTO orders (order_id, user_id, status, version, items, total_minor, currency, created_at, updated_at, parked, batch_id, id_origin, created_event_id, partition, created_offset, last_offset)
     SELECT 'o-' || md5(n::text), 'u' || n % 400, CASE WHEN n % 100 = 1 THEN 'cancelled' WHEN n % 200 = 2 THEN 'pending' WHEN n % 200 = 3 THEN 'processing' ELSE 'completed' END, 1,
       jsonb_build_array(jsonb_build_object('product_id', 'p' || n % 90, 'quantity', 1, 'unit_price_minor', null, 'stocked', false)), n, 'USD',
       to_timestamp(${START} / 1000.0) + (n / 10) * interval '1 ms', now(), CASE WHEN n % 500 = 4 THEN '{"since": 0, "code": "X", "attempts": 1}'::jsonb END,
       CASE WHEN n % 3 = 0 THEN 'b' || n % 50 END, 'server', n::text, 0, n, n
     FROM generate_series(0, ${COUNT - 1}) n`,
  );
  await opened.database.query(
    "INSERT INTO order_products SELECT item ->> 'product_id', created_at, order_id FROM orders, jsonb_array_elements(items) AS item",
  );
  await opened.database.query('ANALYZE orders, order_products');
  all = (await readModel.page(query({}, { limit: COUNT }))).map(({ order }) => order);
  expect(all).toHaveLength(COUNT);
});
afterAll(() => opened?.drop());

const query = (filters: Partial<ListFilters>, more: Partial<ListQuery> = {}): ListQuery => ({
  filters: {
    statuses: filters.statuses ?? [],
    userId: filters.userId ?? null,
    batchId: filters.batchId ?? null,
    productId: filters.productId ?? null,
    parked: filters.parked ?? null,
    createdAfter: filters.createdAfter ?? null,
    createdBefore: filters.createdBefore ?? null,
  },
  newestFirst: true,
  after: null,
  limit: 50,
  ...more,
});

const passes = (order: Order, filters: Partial<ListFilters>): boolean =>
  (!filters.statuses?.length || filters.statuses.includes(order.status)) &&
  (filters.userId == null || order.userId === filters.userId) &&
  (filters.batchId == null || order.batchId === filters.batchId) &&
  (filters.productId == null || order.items.some(({ product_id }) => product_id === filters.productId)) &&
  (filters.parked == null || (order.parked !== null) === filters.parked) &&
  (filters.createdAfter == null || order.createdAt >= filters.createdAfter) &&
  (filters.createdBefore == null || order.createdAt < filters.createdBefore);

const pages = async (filters: Partial<ListFilters>, newestFirst: boolean, limit: number): Promise<string[]> => {
  const ids: string[] = [];
  let after: ListQuery['after'] = null;
  for (;;) {
    const page = await readModel.page(query(filters, { newestFirst, after, limit }));
    ids.push(...page.map(({ order }) => order.orderId));
    if (page.length < limit) return ids;
    const { createdAt, orderId } = page.at(-1)!.order;
    after = { createdAt, orderId };
  }
};

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 });
const time = fc.integer({ min: 0, max: COUNT / 10 }).map((ms) => START + ms);
const anyFilters = fc.record({
  statuses: maybe(fc.uniqueArray(fc.constantFrom(...ORDER_STATUSES), { maxLength: 4 })),
  userId: maybe(fc.integer({ min: 0, max: 401 }).map((n) => `u${n}`)),
  batchId: maybe(fc.integer({ min: 0, max: 50 }).map((n) => `b${n}`)),
  productId: maybe(fc.integer({ min: 0, max: 90 }).map((n) => `p${n}`)),
  parked: maybe(fc.boolean()),
  createdAfter: maybe(time),
  createdBefore: maybe(time),
});

describe('pages', () => {
  it('together are exactly the orders that pass the filters, in order, whatever the filters', async () => {
    await fc.assert(
      fc.asyncProperty(anyFilters, fc.boolean(), async (filters, newestFirst) => {
        const expected = all.filter((order) => passes(order, filters)).map(({ orderId }) => orderId);
        expect(await pages(filters, newestFirst, 500)).toEqual(newestFirst ? expected : expected.toReversed());
      }),
      { numRuns: 40 },
    );
  });

  it('may be of any size', async () => {
    const filters = { userId: 'u7', statuses: ['completed', 'pending'] } as const;
    const whole = await pages(filters, true, 500);
    expect(whole.length).toBeGreaterThan(20);
    for (const limit of [1, 7, 500]) expect(await pages(filters, true, limit)).toEqual(whole);
  });
});

interface Plan {
  'Node Type': string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}
const planOf = async (asked: ListQuery): Promise<Plan[]> => {
  const { text, values } = listStatement(asked);
  const { rows } = await opened.database.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
  const flat = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(flat)];
  return flat(rows[0]!['QUERY PLAN'][0].Plan);
};

/** Every node that reads a table: its index, and the rows it went through to the ones that it gave. */
interface Scan {
  index: string;
  rows: number;
}
const scansOf = (plan: Plan[]): Scan[] =>
  plan
    .filter((node) => node['Node Type'].includes('Scan') && !node['Node Type'].startsWith('Subquery'))
    .map((node) => ({
      index: node['Index Name'] ?? node['Node Type'],
      rows: (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
    }));

const deep = { createdAt: START + 1_000, orderId: 'o-5' };
const window = { createdAfter: START + 500, createdBefore: START + 1_500 };
const SHAPES: [string, Partial<ListFilters>, string][] = [
  ['no filter', {}, 'orders_status'],
  ['a status', { statuses: ['pending'] }, 'orders_status'],
  ['several statuses', { statuses: ['pending', 'cancelled'] }, 'orders_status'],
  ['a user', { userId: 'u7' }, 'orders_user'],
  ['a user and a status', { userId: 'u1', statuses: ['cancelled'] }, 'orders_user'],
  ['a batch', { batchId: 'b3' }, 'orders_batch'],
  ['a batch and a status', { batchId: 'b3', statuses: ['completed'] }, 'orders_batch'],
  ['parked', { parked: true }, 'orders_parked'],
  ['a product', { productId: 'p7' }, 'order_products_pkey'],
];
const LIMIT = 20;

const readsAPage = async (filters: Partial<ListFilters>, index: string): Promise<void> => {
  for (const after of [null, deep]) {
    for (const newestFirst of [true, false]) {
      const scans = scansOf(await planOf(query(filters, { after, newestFirst, limit: LIMIT })));
      const allowed = filters.productId === undefined ? [index] : [index, 'orders_pkey'];
      expect([...new Set(scans.map((scan) => scan.index))].filter((name) => !allowed.includes(name))).toEqual([]);
      // A page, and for each further status the one row that says whether it comes next.
      const read = scans.filter((scan) => scan.index === index).reduce((sum, { rows }) => sum + rows, 0);
      expect(read).toBeLessThanOrEqual(LIMIT + ORDER_STATUSES.length);
    }
  }
};

describe('a page', () => {
  it.each(SHAPES)(
    'by %s is read from an index in page order, wherever it stands: no more rows than it shows',
    async (_what, filters, index) => {
      await readsAPage(filters, index);
    },
  );

  it.each(SHAPES)('by %s within a time is too', async (_what, filters, index) => {
    await readsAPage({ ...filters, ...window }, index);
  });

  it('by a status that has become rare since the statistics were made is found without reading the others', async () => {
    // As after a rush: everything was pending when the planner looked, and nearly nothing is now.
    await opened.database.query('CREATE TABLE kept AS SELECT order_id, status FROM orders');
    await opened.database.query("UPDATE orders SET status = 'pending'");
    await opened.database.query('ANALYZE orders');
    await opened.database.query('UPDATE orders o SET status = k.status FROM kept k WHERE k.order_id = o.order_id');
    for (const filters of [{ statuses: ['pending'] }, { userId: 'u1', statuses: ['cancelled'] }] as const) {
      const scans = scansOf(await planOf(query(filters, { limit: LIMIT })));
      expect(scans.reduce((sum, { rows }) => sum + rows, 0)).toBeLessThanOrEqual(LIMIT);
    }
    await opened.database.query('DROP TABLE kept');
    await opened.database.query('VACUUM ANALYZE orders');
  });
});
