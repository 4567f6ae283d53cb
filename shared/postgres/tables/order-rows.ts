// shared/postgres/tables/order-rows.ts: between a row of table `orders` and the core's Order. Both directions stand here, so that
// the projector writes exactly what the api, the processor and verify read.

import type { IdOrigin, ItemData } from '../../order/events.ts';
import type { OrderStatus } from '../../order/lifecycle.ts';
import type { Order } from '../../order/order.ts';
import { type BinaryType, type ColumnsOf, cell, columnList, int4, int8, jsonb, text, textArray, timestamptz } from '../binary.ts';

/** An order with its place in the log: what the read model stores. */
export interface StoredOrder {
  order: Order;
  partition: number;
  /** Offset of the OrderCreated that won. */
  createdOffset: number;
  /** Offset of the last event that changed the order. */
  lastOffset: number;
}

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
  accepted: Order['accepted'];
  batch_id: string | null;
  id_origin: IdOrigin;
  created_event_id: string;
  command_hash: string | null;
  answered_requests: string[];
  partition: number;
  created_offset: number;
  last_offset: number;
}

/** Which facts after the first one write a column again. What they do not write keeps its value, whatever the fold says. */
type Moves = 'always' | 'amended' | 'never';

const moving = <T>(moves: Moves, type: BinaryType<T>, value: (stored: StoredOrder) => T | null) => ({ moves, ...cell(type, value) });

const COLUMNS: ColumnsOf<OrderRow, StoredOrder, { moves: Moves }> = {
  order_id: moving('never', text, ({ order }) => order.orderId),
  user_id: moving('never', text, ({ order }) => order.userId),
  status: moving('always', text, ({ order }) => order.status),
  version: moving('always', int4, ({ order }) => order.version),
  items: moving('amended', jsonb, ({ order }) => JSON.stringify(order.items)),
  total_minor: moving('amended', int8, ({ order }) => order.totalMinor),
  currency: moving('never', text, ({ order }) => order.currency),
  created_at: moving('never', timestamptz, ({ order }) => order.createdAt),
  processing_started_at: moving('always', timestamptz, ({ order }) => order.processingStartedAt),
  completed_at: moving('always', timestamptz, ({ order }) => order.completedAt),
  cancelled_at: moving('always', timestamptz, ({ order }) => order.cancelledAt),
  rejected_at: moving('always', timestamptz, ({ order }) => order.rejectedAt),
  updated_at: moving('always', timestamptz, ({ order }) => order.updatedAt),
  reason: moving('always', text, ({ order }) => order.reason),
  parked: moving('always', jsonb, ({ order }) => (order.parked === null ? null : JSON.stringify(order.parked))),
  accepted: moving('always', jsonb, ({ order }) => (order.accepted === null ? null : JSON.stringify(order.accepted))),
  batch_id: moving('never', text, ({ order }) => order.batchId),
  id_origin: moving('never', text, ({ order }) => order.idOrigin),
  created_event_id: moving('never', text, ({ order }) => order.createdEventId),
  command_hash: moving('never', text, ({ order }) => order.commandHash),
  answered_requests: moving('always', textArray, ({ order }) => order.answeredRequests),
  partition: moving('never', int4, ({ partition }) => partition),
  created_offset: moving('never', int8, ({ createdOffset }) => createdOffset),
  last_offset: moving('always', int8, ({ lastOffset }) => lastOffset),
};

/** The columns of table `orders`, in the order in which rows are written. */
export const ORDER_FIELDS = columnList(COLUMNS);

/** The same columns by name, for SELECT lists. */
export const ORDER_COLUMNS: readonly string[] = ORDER_FIELDS.map(({ name }) => name);

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
    accepted: row.accepted,
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
