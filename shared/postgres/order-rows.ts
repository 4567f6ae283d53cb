// shared/postgres/order-rows.ts: between a row of table `orders` and the core's Order. Both directions stand here, so that
// the projector writes exactly what the api, the processor and verify read.

import type { IdOrigin, ItemData } from '../order/events.ts';
import type { OrderStatus } from '../order/lifecycle.ts';
import type { Order } from '../order/order.ts';
import { type Column, column, int4, int8, jsonb, text, textArray, timestamptz } from './binary.ts';

/** An order with its place in the log: what the read model stores. */
export interface StoredOrder {
  order: Order;
  partition: number;
  /** Offset of the OrderCreated that won. */
  createdOffset: number;
  /** Offset of the last event that changed the order. */
  lastOffset: number;
}

/** The columns of table `orders`, in the order in which rows are written. */
export const ORDER_FIELDS: readonly Column<StoredOrder>[] = [
  column('order_id', text, ({ order }) => order.orderId),
  column('user_id', text, ({ order }) => order.userId),
  column('status', text, ({ order }) => order.status),
  column('version', int4, ({ order }) => order.version),
  column('items', jsonb, ({ order }) => JSON.stringify(order.items)),
  column('total_minor', int8, ({ order }) => order.totalMinor),
  column('currency', text, ({ order }) => order.currency),
  column('created_at', timestamptz, ({ order }) => order.createdAt),
  column('processing_started_at', timestamptz, ({ order }) => order.processingStartedAt),
  column('completed_at', timestamptz, ({ order }) => order.completedAt),
  column('cancelled_at', timestamptz, ({ order }) => order.cancelledAt),
  column('rejected_at', timestamptz, ({ order }) => order.rejectedAt),
  column('updated_at', timestamptz, ({ order }) => order.updatedAt),
  column('reason', text, ({ order }) => order.reason),
  column('parked', jsonb, ({ order }) => (order.parked === null ? null : JSON.stringify(order.parked))),
  column('batch_id', text, ({ order }) => order.batchId),
  column('id_origin', text, ({ order }) => order.idOrigin),
  column('created_event_id', text, ({ order }) => order.createdEventId),
  column('command_hash', text, ({ order }) => order.commandHash),
  column('answered_requests', textArray, ({ order }) => order.answeredRequests),
  column('partition', int4, ({ partition }) => partition),
  column('created_offset', int8, ({ createdOffset }) => createdOffset),
  column('last_offset', int8, ({ lastOffset }) => lastOffset),
];

/** The same columns by name, for SELECT lists. */
export const ORDER_COLUMNS: readonly string[] = ORDER_FIELDS.map(({ name }) => name);

/** A row as the connections of database.ts read it: bigint as number, timestamptz as epoch milliseconds. */
export interface OrderRow {
  order_id: string;
  user_id: string;
  status: OrderStatus;
  version: number;
  items: ItemData[];
  total_minor: number;
  currency: string;
  created_at: number;
  processing_started_at: number | null;
  completed_at: number | null;
  cancelled_at: number | null;
  rejected_at: number | null;
  updated_at: number;
  reason: string | null;
  parked: Order['parked'];
  batch_id: string | null;
  id_origin: IdOrigin;
  created_event_id: string;
  command_hash: string | null;
  answered_requests: string[];
  partition: number;
  created_offset: number;
  last_offset: number;
}

export const storedOrder = (row: OrderRow): StoredOrder => ({
  order: {
    orderId: row.order_id,
    userId: row.user_id,
    items: row.items,
    totalMinor: row.total_minor,
    currency: row.currency,
    status: row.status,
    version: row.version,
    createdAt: row.created_at,
    processingStartedAt: row.processing_started_at,
    completedAt: row.completed_at,
    cancelledAt: row.cancelled_at,
    rejectedAt: row.rejected_at,
    updatedAt: row.updated_at,
    reason: row.reason,
    parked: row.parked,
    batchId: row.batch_id,
    idOrigin: row.id_origin,
    createdEventId: row.created_event_id,
    commandHash: row.command_hash,
    answeredRequests: row.answered_requests,
  },
  partition: row.partition,
  createdOffset: row.created_offset,
  lastOffset: row.last_offset,
});
