// processor/closed-orders.ts: asks the read model which of some ids belong to an order already (R5). One statement reads the
// rows and the checkpoint, so that the answer is about one moment.

import { isTerminal, type OrderStatus } from '../shared/order/lifecycle.ts';
import type { Queryable } from '../shared/postgres/database.ts';
import type { KnownOrder, LookUpClosed } from './admission.ts';

const QUERY = `
  SELECT c.next_offset, o.order_id, o.status, o.created_offset
  FROM checkpoints c
  LEFT JOIN orders o ON o.order_id = ANY ($3::text[])
  WHERE c.topic = $1 AND c.partition = $2`;

interface Found {
  next_offset: number;
  order_id: string | null;
  status: OrderStatus;
  created_offset: number;
}

export const createClosedOrders =
  (database: Queryable, topic: string): LookUpClosed =>
  async (partition, orderIds, knownFrom) => {
    const { rows } = await database.query<Found & Record<string, unknown>>(QUERY, [topic, partition, orderIds]);
    const [first] = rows;
    if (first === undefined || first.next_offset < knownFrom) return null;
    const known = new Map<string, KnownOrder>();
    for (const row of rows) {
      if (row.order_id !== null) known.set(row.order_id, { closed: isTerminal(row.status), createdOffset: row.created_offset });
    }
    return known;
  };
