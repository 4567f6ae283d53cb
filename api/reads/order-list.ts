// api/reads/order-list.ts: the SQL of GET /orders: a query in, a statement out.
// Keyset pages on (created_at, order_id), so that page 1,000 costs what page 1 costs: never OFFSET, never COUNT. Pure.

import { ORDER_STATUSES, type OrderStatus } from '../../shared/order/lifecycle.ts';
import { ORDER_COLUMNS } from '../../shared/postgres/tables/order-rows.ts';

export interface ListFilters {
  /** Empty: all of them. */
  statuses: readonly OrderStatus[];
  userId: string | null;
  batchId: string | null;
  productId: string | null;
  parked: boolean | null;
  /** Epoch milliseconds; from `createdAfter` on, up to but not including `createdBefore`: windows side by side share no order. */
  createdAfter: number | null;
  createdBefore: number | null;
}

/** The last order of the page before. */
export interface ListPosition {
  createdAt: number;
  orderId: string;
}

export interface ListQuery {
  filters: ListFilters;
  newestFirst: boolean;
  after: ListPosition | null;
  limit: number;
}

/**
 * One statement for a page: for each status an index range in page order, merged as far as the page needs. `status IN (…)`, or no
 * word about the status, would read and sort every order that passes the other filters (schema/0002_list_indexes.sql). Parked
 * orders and those with a product have indexes in page order without a status, because there they are few or never change.
 */
export const listStatement = ({ filters, newestFirst, after, limit }: ListQuery): { text: string; values: unknown[] } => {
  const values: unknown[] = [];
  const value = (each: unknown): string => `$${values.push(each)}`;
  const time = (epochMs: number): string => `to_timestamp(${value(epochMs)}::float8 / 1000)`;
  // With a product the pages run over order_products, whose primary key begins with it.
  const keys = filters.productId === null ? 'o' : 'p';
  const conditions: string[] = [];
  if (filters.productId !== null) conditions.push(`p.product_id = ${value(filters.productId)}`);
  if (filters.userId !== null) conditions.push(`o.user_id = ${value(filters.userId)}`);
  if (filters.batchId !== null) conditions.push(`o.batch_id = ${value(filters.batchId)}`);
  if (filters.parked !== null) conditions.push(`o.parked IS ${filters.parked ? 'NOT NULL' : 'NULL'}`);
  if (filters.createdAfter !== null) conditions.push(`${keys}.created_at >= ${time(filters.createdAfter)}`);
  if (filters.createdBefore !== null) conditions.push(`${keys}.created_at < ${time(filters.createdBefore)}`);
  if (after !== null) {
    conditions.push(
      `(${keys}.created_at, ${keys}.order_id) ${newestFirst ? '<' : '>'} (${time(after.createdAt)}, ${value(after.orderId)})`,
    );
  }
  const from = filters.productId === null ? 'orders o' : 'order_products p JOIN orders o ON o.order_id = p.order_id';
  const columns = ORDER_COLUMNS.map((name) => `o.${name}`).join(', ');
  const direction = newestFirst ? 'DESC' : 'ASC';
  const atMost = value(limit);
  const range = (more: readonly string[]): string => `
    SELECT ${columns} FROM ${from}
    WHERE ${[...conditions, ...more].join(' AND ')}
    ORDER BY ${keys}.created_at ${direction}, ${keys}.order_id ${direction} LIMIT ${atMost}`;

  const asked = filters.statuses.length === 0 ? ORDER_STATUSES : ORDER_STATUSES.filter((status) => filters.statuses.includes(status));
  if (filters.productId !== null || filters.parked === true) {
    const among = asked.length === ORDER_STATUSES.length ? [] : [`o.status = ANY(${value(asked)}::text[])`];
    return { text: range(among), values };
  }
  // A sub-select hides which status it is from the planner. It would look up how common that status was when statistics were
  // made, and for a rare one read all of its orders, hundreds of thousands by now, in search of a user's.
  const ranges = asked.map((status) => `(${range([`o.status = (SELECT '${status}'::text)`])})`);
  const text = `SELECT * FROM (${ranges.join(' UNION ALL ')}) o ORDER BY created_at ${direction}, order_id ${direction} LIMIT ${atMost}`;
  return { text, values };
};
