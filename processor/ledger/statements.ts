// processor/ledger/statements.ts: the ledger's SQL.
// Every transaction locks in one order: partitions, reservations by order id, products by id (R15), requests.

import { type Column, column, int4, int8, text, unnest } from '../../shared/postgres/binary.ts';
import type { ReadMark } from './ledger.ts';
import { CARRIED_FIELDS, PRODUCT_FIELDS, REQUEST_FIELDS, RESERVATION_FIELDS } from './rows.ts';

const names = (columns: readonly { name: string }[]): string => columns.map(({ name }) => name).join(', ');

export const CLAIM = `
  INSERT INTO partitions (topic, partition, epoch, sequence, start_offset)
  SELECT $1, partition, 1, 1, 0 FROM unnest($2::int4[]) AS partition ORDER BY partition
  ON CONFLICT (topic, partition) DO UPDATE SET epoch = partitions.epoch + 1, sequence = partitions.sequence + 1
  RETURNING partition, epoch, sequence, start_offset, note, topic_id, read_offset, last_event_id`;

/** A partition's row as this process left it, and as it is to be. */
export interface FenceMove {
  partition: number;
  epoch: number;
  sequence: number;
  startOffset: number;
  next: { offset: number; note: string | null } | null;
  mark: ReadMark | null;
}

export const FENCE_FIELDS: readonly Column<FenceMove>[] = [
  column('partition', int4, ({ partition }) => partition),
  column('epoch', int8, ({ epoch }) => epoch),
  column('sequence', int8, ({ sequence }) => sequence),
  column('start_offset', int8, ({ startOffset }) => startOffset),
  column('next_offset', int8, ({ next }) => next?.offset ?? null),
  column('next_note', text, ({ next }) => next?.note ?? null),
  column('topic_id', text, ({ mark }) => mark?.topicId ?? null),
  column('read_offset', int8, ({ mark }) => mark?.nextOffset ?? null),
  column('last_event_id', text, ({ mark }) => mark?.lastEventId ?? null),
];

const MARK_MOVES = 'w.read_offset >= coalesce(p.read_offset, 0)';
const marked = (column: string): string => `${column} = CASE WHEN ${MARK_MOVES} THEN w.${column} ELSE p.${column} END`;

/** Compare and set (R8). Returns the partitions whose rows were as expected; the others are left alone. Marks never go back (R17). */
export const FENCE = `
  WITH wanted AS MATERIALIZED (SELECT * FROM ${unnest(FENCE_FIELDS, 2, 'w')}),
  locked AS MATERIALIZED (
    SELECT partition FROM partitions
    WHERE topic = $1 AND partition IN (SELECT partition FROM wanted) ORDER BY partition FOR UPDATE
  )
  UPDATE partitions p
  SET sequence = p.sequence + 1, start_offset = coalesce(w.next_offset, p.start_offset), note = coalesce(w.next_note, p.note),
    ${['topic_id', 'read_offset', 'last_event_id'].map(marked).join(', ')}
  FROM locked JOIN wanted w USING (partition)
  WHERE p.topic = $1 AND p.partition = w.partition
    AND p.epoch = w.epoch AND p.sequence = w.sequence AND p.start_offset = w.start_offset
  RETURNING p.partition`;

export const READ_FENCES =
  'SELECT partition, epoch, sequence, start_offset FROM partitions WHERE topic = $1 AND partition = ANY ($2::int4[])';

/** For what is seldom changed and concerns every partition: who holds it has no claim beside itself. */
export const LOCK_LEDGER = 'SELECT complete, went_back FROM ledger FOR UPDATE';

/** `$1`: how much higher the epochs become, of all partitions. */
export const FENCE_ALL = 'UPDATE partitions SET epoch = epoch + $1, sequence = sequence + 1';

export const MARK_WENT_BACK = 'UPDATE ledger SET went_back = true';

export const READ_STAMPS = 'SELECT topic, partition, start_offset, epoch, sequence FROM partitions';

export const STORE_CARRIED = `
  INSERT INTO carried_orders (topic, ${names(CARRIED_FIELDS)})
  SELECT $1, ${names(CARRIED_FIELDS)} FROM ${unnest(CARRIED_FIELDS, 2, 'c')}
  ON CONFLICT (topic, order_id) DO UPDATE SET as_of = EXCLUDED.as_of, uses_stock = EXCLUDED.uses_stock, fold = EXCLUDED.fold`;

export const DROP_CARRIED = 'DELETE FROM carried_orders WHERE topic = $1 AND order_id = ANY ($2::text[])';

export const READ_CARRIED = `
  SELECT ${names(CARRIED_FIELDS)}
  FROM carried_orders WHERE topic = $1 AND partition = ANY ($2::int4[]) ORDER BY partition, created_offset`;

export const LOCK_RESERVATIONS = `
  SELECT ${names(RESERVATION_FIELDS)} FROM reservations WHERE order_id = ANY ($1::text[]) ORDER BY order_id FOR UPDATE`;

/** What may be promised: not what was put in by facts that no processor has read yet. */
export const LOCK_STOCK = `
  SELECT product_id, version > 0 AS is_created, put_in - unread_in AS put_in, unread_in AS coming, reserved, sold
  FROM products WHERE product_id = ANY ($1::text[]) ORDER BY product_id FOR UPDATE`;

/** Rows for products that only orders know. */
export const ADD_UNKNOWN = `
  INSERT INTO products (product_id) SELECT id FROM unnest($1::text[]) AS id ORDER BY id ON CONFLICT (product_id) DO NOTHING`;

export type StockEntry = readonly [productId: string, stock: { reserved: number; sold: number }];

export const STOCK_FIELDS: readonly Column<StockEntry>[] = [
  column('product_id', text, ([productId]) => productId),
  column('reserved', int8, ([, { reserved }]) => reserved),
  column('sold', int8, ([, { sold }]) => sold),
];

/** Reservations and the counts that follow from them, in one statement. */
export const WRITE_STOCK = `
  WITH written AS (
    INSERT INTO reservations (${names(RESERVATION_FIELDS)})
    SELECT ${names(RESERVATION_FIELDS)} FROM ${unnest(RESERVATION_FIELDS, 1, 'r')}
    ON CONFLICT (order_id) DO UPDATE SET version = EXCLUDED.version, state = EXCLUDED.state, lines = EXCLUDED.lines
  )
  UPDATE products p SET reserved = s.reserved, sold = s.sold
  FROM ${unnest(STOCK_FIELDS, RESERVATION_FIELDS.length + 1, 's')} WHERE p.product_id = s.product_id`;

export const LOCK_PRODUCTS = `
  SELECT ${names(PRODUCT_FIELDS)} FROM products WHERE product_id = ANY ($1::text[]) ORDER BY product_id FOR UPDATE`;

export const READ_DECISIONS =
  "SELECT request_id, delivered, event ->> 'id' AS event_id FROM product_requests WHERE request_id = ANY ($1::text[])";

/** What is reserved and sold is the orders' to say, perhaps of a product that was unknown until now. */
export const WRITE_PRODUCTS = `
  INSERT INTO products (${names(PRODUCT_FIELDS)})
  SELECT ${names(PRODUCT_FIELDS)} FROM ${unnest(PRODUCT_FIELDS, 1, 'n')}
  ON CONFLICT (product_id) DO UPDATE SET ${PRODUCT_FIELDS.filter(({ name }) => !['product_id', 'reserved', 'sold'].includes(name))
    .map(({ name }) => `${name} = EXCLUDED.${name}`)
    .join(', ')}`;

/** A request of another product may have the id, where another program wrote it: the first one has it. */
export const INSERT_REQUESTS = `
  INSERT INTO product_requests (${names(REQUEST_FIELDS)})
  SELECT ${names(REQUEST_FIELDS)} FROM ${unnest(REQUEST_FIELDS, 1, 'r')}
  ON CONFLICT (request_id) DO NOTHING`;

export const REWRITE_REQUESTS = `
  UPDATE product_requests p SET event = r.event, version = r.version, delivered = r.delivered
  FROM ${unnest(REQUEST_FIELDS, 1, 'r')} WHERE p.request_id = r.request_id`;

export const MARK_DELIVERED = 'UPDATE product_requests SET delivered = true WHERE request_id = ANY ($1::text[])';

/** By version: one whose place was taken has a later one than those that were decided after it. */
export const READ_OUTBOX_OF = `
  SELECT ${names(REQUEST_FIELDS)}
  FROM product_requests WHERE partition = $1 AND NOT delivered AND product_id = ANY ($2::text[]) ORDER BY version NULLS FIRST, decision`;

export const READ_OUTBOX = `
  SELECT ${names(REQUEST_FIELDS)}
  FROM product_requests WHERE partition = $1 AND NOT delivered ORDER BY version NULLS FIRST, decision`;

export const COUNT_OVERSOLD = 'SELECT count(*)::int4 AS count FROM products WHERE put_in - sold < reserved';
