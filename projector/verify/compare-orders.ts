// projector/verify/compare-orders.ts: table `orders` against the refolded orders, field by field.

import { openCursor } from '../../shared/postgres/cursor.ts';
import type { Client } from '../../shared/postgres/database.ts';
import { ORDER_COLUMNS, type OrderRow, storedOrder } from '../../shared/postgres/tables/order-rows.ts';
import type { RefoldedOrder } from './refold.ts';
import { isSame, type Report } from './report.ts';

const ORDERS = `SELECT ${ORDER_COLUMNS.join(', ')} FROM orders WHERE partition = $1`;

/** Takes what it has compared out of `orders`: what is left in the end has no row. */
export const compareOrders = async (
  snapshot: Client,
  report: Report,
  partition: number,
  orders: Map<string, RefoldedOrder>,
): Promise<void> => {
  const rows = await openCursor<OrderRow>(snapshot, 'order_rows', ORDERS, [partition]);
  await rows.each((row) => {
    const expected = orders.get(row.order_id);
    orders.delete(row.order_id);
    if (expected === undefined) {
      report.add({ what: 'order', id: row.order_id, field: 'row', expected: null, actual: row.status });
      return;
    }
    const { order, ...place } = storedOrder(row);
    const actual: Record<string, unknown> = { ...order, ...place };
    for (const [field, value] of Object.entries({
      ...expected.order,
      partition,
      createdOffset: expected.createdOffset,
      lastOffset: expected.lastOffset,
    })) {
      if (isSame(value, actual[field])) continue;
      report.add({ what: 'order', id: row.order_id, field, expected: value, actual: actual[field] });
    }
  });
  await rows.close();
  for (const [orderId, { order }] of orders) report.add({ what: 'order', id: orderId, field: 'row', expected: order.status, actual: null });
};
