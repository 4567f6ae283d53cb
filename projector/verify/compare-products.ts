// projector/verify/compare-products.ts: table `order_products` against the items of the refolded orders.

import { openCursor } from '../../shared/postgres/cursor.ts';
import type { Client } from '../../shared/postgres/database.ts';
import type { RefoldedOrder } from './refold.ts';
import type { Report } from './report.ts';

interface ProductRow {
  order_id: string;
  product_id: string;
  created_at: number;
}

// The table has no partition. Rows without an order are found by find-unexpected-rows.ts.
const PRODUCTS = `
  SELECT p.order_id, p.product_id, p.created_at
  FROM order_products p JOIN orders o ON o.order_id = p.order_id WHERE o.partition = $1`;

export const compareProducts = async (
  snapshot: Client,
  report: Report,
  partition: number,
  orders: ReadonlyMap<string, RefoldedOrder>,
): Promise<void> => {
  const expected = new Map<string, Set<string>>();
  for (const [orderId, { order }] of orders) expected.set(orderId, new Set(order.items.map((item) => item.product_id)));

  const rows = await openCursor<ProductRow>(snapshot, 'product_rows', PRODUCTS, [partition]);
  await rows.each((row) => {
    const createdAt = orders.get(row.order_id)?.order.createdAt;
    const isExpected = createdAt === row.created_at && expected.get(row.order_id)!.delete(row.product_id);
    if (!isExpected) {
      report.add({
        what: 'order_products',
        id: row.order_id,
        field: row.product_id,
        expected: null,
        actual: new Date(row.created_at).toISOString(),
      });
    }
  });
  await rows.close();
  for (const [orderId, products] of expected) {
    const createdAt = new Date(orders.get(orderId)!.order.createdAt).toISOString();
    for (const productId of products) {
      report.add({ what: 'order_products', id: orderId, field: productId, expected: createdAt, actual: null });
    }
  }
};
