// api/order-list.ts: the SQL of GET /orders. Keyset pages on (created_at, order_id), so that page 1,000 costs what page 1
// costs: never OFFSET, never COUNT. Pure: a query in, a statement out.

import { ORDER_STATUSES, type OrderStatus } from '../shared/order/lifecycle.ts';
import { ORDER_COLUMNS } from '../shared/postgres/order-rows.ts';

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
 * One statement for a page. Each filter alone is an index range read in page order. Several statuses are read as one such
 * range each, of at most a page, and merged: `status IN (…)` would read and sort every order that has one of them.
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
  const direction = newestFirst ? 'DESC' : 'ASC';
  const atMost = value(limit);
  const range = (status: OrderStatus | null): string => {
    const where = status === null ? conditions : [...conditions, `o.status = ${value(status)}`];
    return `
      SELECT ${ORDER_COLUMNS.map((name) => `o.${name}`).join(', ')} FROM ${from}
      ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
      ORDER BY ${keys}.created_at ${direction}, ${keys}.order_id ${direction} LIMIT ${atMost}`;
  };
  const statuses = ORDER_STATUSES.filter((status) => filters.statuses.includes(status));
  if (statuses.length === 0 || statuses.length === ORDER_STATUSES.length) return { text: range(null), values };
  if (statuses.length === 1) return { text: range(statuses[0]!), values };
  const ranges = statuses.map((status) => `(${range(status)})`).join(' UNION ALL ');
  return { text: `SELECT * FROM (${ranges}) o ORDER BY created_at ${direction}, order_id ${direction} LIMIT ${atMost}`, values };
};
