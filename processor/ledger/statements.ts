// processor/ledger/statements.ts: the ledger's SQL.
// Every transaction locks in one order: partitions, reservations by order id, products by id (R15), requests.

import { bool, type Column, column, int4, int8, jsonb, text, timestamptz, unnest } from '../../shared/postgres/binary.ts';
import type { CarriedOrder } from './ledger.ts';
import type { Answer, LedgerProduct } from './product-requests.ts';
import type { Reservation } from './stock.ts';

export const CLAIM = `
  INSERT INTO partitions (topic, partition, epoch, sequence, start_offset)
  SELECT $1, partition, 1, 1, 0 FROM unnest($2::int4[]) AS partition ORDER BY partition
  ON CONFLICT (topic, partition) DO UPDATE SET epoch = partitions.epoch + 1, sequence = partitions.sequence + 1
  RETURNING partition, epoch, sequence, start_offset, note`;

/** A partition's row as this process left it, and as it is to be. */
export interface FenceMove {
  partition: number;
  epoch: number;
  sequence: number;
  startOffset: number;
  next: { offset: number; note: string | null } | null;
}

export const FENCE_FIELDS: readonly Column<FenceMove>[] = [
  column('partition', int4, ({ partition }) => partition),
  column('epoch', int8, ({ epoch }) => epoch),
  column('sequence', int8, ({ sequence }) => sequence),
  column('start_offset', int8, ({ startOffset }) => startOffset),
  column('next_offset', int8, ({ next }) => next?.offset ?? null),
  column('next_note', text, ({ next }) => next?.note ?? null),
];

/** Compare and set (R8). Returns the partitions whose rows were as expected; the others are left alone. */
export const FENCE = `
  WITH wanted AS MATERIALIZED (SELECT * FROM ${unnest(FENCE_FIELDS, 2, 'w')}),
  locked AS MATERIALIZED (
    SELECT partition FROM partitions
    WHERE topic = $1 AND partition IN (SELECT partition FROM wanted) ORDER BY partition FOR UPDATE
  )
  UPDATE partitions p
  SET sequence = p.sequence + 1, start_offset = coalesce(w.next_offset, p.start_offset), note = coalesce(w.next_note, p.note)
  FROM locked JOIN wanted w USING (partition)
  WHERE p.topic = $1 AND p.partition = w.partition
    AND p.epoch = w.epoch AND p.sequence = w.sequence AND p.start_offset = w.start_offset
  RETURNING p.partition`;

export const READ_FENCES =
  'SELECT partition, epoch, sequence, start_offset FROM partitions WHERE topic = $1 AND partition = ANY ($2::int4[])';

export const CARRIED_FIELDS: readonly Column<{ partition: number; carried: CarriedOrder }>[] = [
  column('partition', int4, ({ partition }) => partition),
  column('order_id', text, ({ carried }) => carried.order.orderId),
  column('created_offset', int8, ({ carried }) => carried.createdOffset),
  column('as_of', int8, ({ carried }) => carried.asOf),
  column('uses_stock', bool, ({ carried }) => carried.usesStock),
  column('fold', jsonb, ({ carried }) => JSON.stringify(carried.order)),
];

export const STORE_CARRIED = `
  INSERT INTO carried_orders (topic, partition, order_id, created_offset, as_of, uses_stock, fold)
  SELECT $1, partition, order_id, created_offset, as_of, uses_stock, fold FROM ${unnest(CARRIED_FIELDS, 2, 'c')}
  ON CONFLICT (topic, order_id) DO UPDATE SET as_of = EXCLUDED.as_of, uses_stock = EXCLUDED.uses_stock, fold = EXCLUDED.fold`;

export const DROP_CARRIED = 'DELETE FROM carried_orders WHERE topic = $1 AND order_id = ANY ($2::text[])';

export const READ_CARRIED = `
  SELECT partition, created_offset, as_of, uses_stock, fold
  FROM carried_orders WHERE topic = $1 AND partition = ANY ($2::int4[]) ORDER BY partition, created_offset`;

export const LOCK_RESERVATIONS =
  'SELECT order_id, version, state, lines FROM reservations WHERE order_id = ANY ($1::text[]) ORDER BY order_id FOR UPDATE';

/** What may be promised: not what was put in by facts that no processor has read yet. */
export const LOCK_STOCK = `
  SELECT product_id, put_in - unread_in AS put_in, unread_in AS coming, reserved, sold
  FROM products WHERE product_id = ANY ($1::text[]) ORDER BY product_id FOR UPDATE`;

export type ReservationEntry = readonly [orderId: string, reservation: Reservation];

export const RESERVATION_FIELDS: readonly Column<ReservationEntry>[] = [
  column('order_id', text, ([orderId]) => orderId),
  column('version', int4, ([, { version }]) => version),
  column('state', text, ([, { state }]) => state),
  column('lines', jsonb, ([, { lines }]) => JSON.stringify(lines)),
];

export type StockEntry = readonly [productId: string, stock: { reserved: number; sold: number }];

export const STOCK_FIELDS: readonly Column<StockEntry>[] = [
  column('product_id', text, ([productId]) => productId),
  column('reserved', int8, ([, { reserved }]) => reserved),
  column('sold', int8, ([, { sold }]) => sold),
];

/** Reservations and the counts that follow from them, in one statement. */
export const WRITE_STOCK = `
  WITH written AS (
    INSERT INTO reservations (order_id, version, state, lines)
    SELECT order_id, version, state, lines FROM ${unnest(RESERVATION_FIELDS, 1, 'r')}
    ON CONFLICT (order_id) DO UPDATE SET version = EXCLUDED.version, state = EXCLUDED.state, lines = EXCLUDED.lines
  )
  UPDATE products p SET reserved = s.reserved, sold = s.sold
  FROM ${unnest(STOCK_FIELDS, RESERVATION_FIELDS.length + 1, 's')} WHERE p.product_id = s.product_id`;

export const LOCK_PRODUCTS = 'SELECT * FROM products WHERE product_id = ANY ($1::text[]) ORDER BY product_id FOR UPDATE';

export const READ_DECISIONS =
  "SELECT request_id, delivered, event ->> 'id' AS event_id FROM product_requests WHERE request_id = ANY ($1::text[])";

export const PRODUCT_FIELDS: readonly Column<LedgerProduct>[] = [
  column('product_id', text, ({ product }) => product.productId),
  column('version', int4, ({ product }) => product.version),
  column('read_version', int4, ({ readVersion }) => readVersion),
  column('name', text, ({ product }) => product.name),
  column('description', text, ({ product }) => product.description),
  column('price_minor', int8, ({ product }) => product.priceMinor),
  column('currency', text, ({ product }) => product.currency),
  column('put_in', int8, ({ product }) => product.putIn),
  column('unread_in', int8, ({ unreadIn }) => unreadIn),
  column('reserved', int8, ({ reserved }) => reserved),
  column('sold', int8, ({ sold }) => sold),
  column('created_at', timestamptz, ({ product }) => product.createdAt),
  column('updated_at', timestamptz, ({ product }) => product.updatedAt),
  column('created_event_id', text, ({ product }) => product.createdEventId),
];

const productColumns = PRODUCT_FIELDS.map(({ name }) => name);

export const WRITE_PRODUCTS = `
  INSERT INTO products (${productColumns.join(', ')})
  SELECT ${productColumns.join(', ')} FROM ${unnest(PRODUCT_FIELDS, 1, 'n')}
  ON CONFLICT (product_id) DO UPDATE SET ${productColumns
    .slice(1)
    .map((name) => `${name} = EXCLUDED.${name}`)
    .join(', ')}`;

export interface RequestRow {
  answer: Answer;
  partition: number;
  delivered: boolean;
}

export const REQUEST_FIELDS: readonly Column<RequestRow>[] = [
  column('request_id', text, ({ answer }) => answer.requestId),
  column('product_id', text, ({ answer }) => answer.event.productId),
  column('command_hash', text, ({ answer }) => answer.commandHash),
  column('version', int4, ({ answer }) => (answer.event.kind === 'fact' ? answer.event.version : null)),
  column('event', jsonb, ({ answer }) => storedEvent(answer)),
  column('delivered', bool, ({ delivered }) => delivered),
  column('partition', int4, ({ partition }) => partition),
];

const storedEvent = ({ event: { id, time, name, data, correlationId } }: Answer): string =>
  JSON.stringify({ id, time, name, data, correlation_id: correlationId });

export const INSERT_REQUESTS = `
  INSERT INTO product_requests (request_id, product_id, command_hash, version, event, delivered, partition)
  SELECT request_id, product_id, command_hash, version, event, delivered, partition
  FROM ${unnest(REQUEST_FIELDS, 1, 'r')}`;

export const MARK_DELIVERED = 'UPDATE product_requests SET delivered = true WHERE request_id = ANY ($1::text[])';

export const READ_OUTBOX = `
  SELECT request_id, product_id, command_hash, version, event
  FROM product_requests WHERE partition = $1 AND NOT delivered ORDER BY decision`;
