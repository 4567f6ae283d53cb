// projector/projections/order-products.ts: which orders contain which product, one row per product of an order.
// Pure.

import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';
import type { OrderChange } from './orders.ts';

export interface ProductRow {
  productId: string;
  createdAt: number;
  orderId: string;
}

export interface ProductRows {
  added: ProductRow[];
  removed: ProductRow[];
}

/** Rows only change when an order is created or its items are amended; then its old rows go and its new ones come. */
export const productRows = (changes: Iterable<OrderChange>): ProductRows => {
  const rows: ProductRows = { added: [], removed: [] };
  for (const { before, after } of changes) {
    if (before?.order.items === after.order.items) continue;
    if (before !== null) rows.removed.push(...rowsOf(before));
    rows.added.push(...rowsOf(after));
  }
  return rows;
};

const rowsOf = ({ order }: StoredOrder): ProductRow[] => {
  const products = new Set(order.items.map(({ product_id }) => product_id));
  return [...products].map((productId) => ({ productId, createdAt: order.createdAt, orderId: order.orderId }));
};
