// projector/store/store-statements.ts: the SQL of postgres-store.ts and how a batch becomes its parameters. Names are not
// qualified: the search path says which schema is meant, the live one or the one that a rebuild fills.

import { type Column, column, columnParameters, int4, int8, text, textArray, timestamptz, unnest } from '../../shared/postgres/binary.ts';
import { COUNTER_FIELDS } from '../../shared/postgres/tables/counters.ts';
import { ORDER_COLUMNS, ORDER_FIELDS } from '../../shared/postgres/tables/order-rows.ts';
import type { Batch, CheckpointMove } from '../project.ts';
import type { ProductRow } from '../projections/order-products.ts';
import type { OrderChange } from '../projections/orders.ts';
import type { BucketDelta } from '../projections/processing-time.ts';

export const CREATE_CHECKPOINTS = `
  INSERT INTO checkpoints (topic, partition, next_offset, topic_id)
  SELECT $1, partition, 0, $2 FROM unnest($3::int4[]) AS p (partition)
  ON CONFLICT DO NOTHING`;

export const LOAD_ORDERS = `SELECT ${ORDER_COLUMNS.join(', ')} FROM orders WHERE order_id = ANY($1::text[])`;

export const PRODUCT_FIELDS: readonly Column<ProductRow>[] = [
  column('product_id', text, (row) => row.productId),
  column('created_at', timestamptz, (row) => row.createdAt),
  column('order_id', text, (row) => row.orderId),
];

const MOVE_FIELDS: readonly Column<CheckpointMove>[] = [
  column('partition', int4, (move) => move.partition),
  column('next_from', int8, (move) => move.from),
  column('next_to', int8, (move) => move.to),
  column('last_event_id', text, (move) => move.lastEventId),
];

/** What facts after the first one change in every row that they touch, and what only an amendment changes. */
const MOVING = ORDER_FIELDS.filter(({ moves }) => moves === 'always');
const AMENDED = ORDER_FIELDS.filter(({ moves }) => moves === 'amended');
const isAmended = ({ before, after }: OrderChange): boolean => before?.order.items !== after.order.items;

const UPDATE_FIELDS: readonly Column<OrderChange>[] = [
  column('order_id', text, ({ after }) => after.order.orderId),
  ...MOVING.map(({ name, type, value }): Column<OrderChange> => {
    // Arrays of arrays cannot be unnested, so each one travels as text.
    if (type === textArray) return column(name, text, ({ after }) => arrayLiteral(value(after) as string[]));
    return { name, type, value: ({ after }) => value(after) };
  }),
  // Amendments are rare: null leaves the row's items and total as they are.
  ...AMENDED.map(
    ({ name, type, value }): Column<OrderChange> => ({ name, type, value: (change) => (isAmended(change) ? value(change.after) : null) }),
  ),
];
const SETS = [
  ...MOVING.map(({ name, type }) => `${name} = u.${name}${type === textArray ? '::text[]' : ''}`),
  ...AMENDED.map(({ name }) => `${name} = coalesce(u.${name}, o.${name})`),
];

const BUCKET_FIELDS: readonly Column<BucketDelta>[] = [
  column('partition', int4, (delta) => delta.partition),
  column('bucket', int4, (delta) => delta.bucket),
  column('count', int8, (delta) => delta.count),
];

// Parameter $1 is the topic; the groups of columns follow one another.
const MOVES_AT = 2;
const UPDATES_AT = MOVES_AT + MOVE_FIELDS.length;
const REMOVED_AT = UPDATES_AT + UPDATE_FIELDS.length;
const COUNTERS_AT = REMOVED_AT + PRODUCT_FIELDS.length;
const BUCKETS_AT = COUNTERS_AT + COUNTER_FIELDS.length;

const names = (columns: readonly { name: string }[]): string => columns.map(({ name }) => name).join(', ');
const added = COUNTER_FIELDS.slice(1).map(({ name }) => `${name} = c.${name} + EXCLUDED.${name}`);

/**
 * Moves the checkpoints that stand where the batch begins, and changes existing rows. Answers how many checkpoints moved
 * and how many orders changed: unless all did, the transaction must not commit.
 */
export const CHANGE_ROWS = `
  WITH moved AS (
    UPDATE checkpoints c SET next_offset = m.next_to, last_event_id = m.last_event_id
    FROM ${unnest(MOVE_FIELDS, MOVES_AT, 'm')}
    WHERE c.topic = $1 AND c.partition = m.partition AND c.next_offset = m.next_from
    RETURNING 1
  ), changed AS (
    UPDATE orders o SET ${SETS.join(', ')}
    FROM ${unnest(UPDATE_FIELDS, UPDATES_AT, 'u')}
    WHERE o.order_id = u.order_id
    RETURNING 1
  ), removed AS (
    DELETE FROM order_products p
    USING ${unnest(PRODUCT_FIELDS, REMOVED_AT, 'r')}
    WHERE p.product_id = r.product_id AND p.created_at = r.created_at AND p.order_id = r.order_id
  ), counted AS (
    INSERT INTO counters AS c (${names(COUNTER_FIELDS)})
    SELECT * FROM ${unnest(COUNTER_FIELDS, COUNTERS_AT, 'd')}
    ON CONFLICT (partition) DO UPDATE SET ${added.join(', ')}
  ), timed AS (
    INSERT INTO processing_time_histogram AS h (${names(BUCKET_FIELDS)})
    SELECT * FROM ${unnest(BUCKET_FIELDS, BUCKETS_AT, 'd')}
    ON CONFLICT (partition, bucket) DO UPDATE SET count = h.count + EXCLUDED.count
  )
  SELECT (SELECT count(*)::int4 FROM moved) AS moved, (SELECT count(*)::int4 FROM changed) AS changed`;

export const changeRowsParameters = (topic: string, batch: Batch, updates: readonly OrderChange[]): unknown[] => [
  topic,
  ...columnParameters(MOVE_FIELDS, batch.moves),
  ...columnParameters(UPDATE_FIELDS, updates),
  ...columnParameters(PRODUCT_FIELDS, batch.products.removed),
  ...columnParameters(COUNTER_FIELDS, [...batch.counters]),
  ...columnParameters(BUCKET_FIELDS, batch.processingTimes),
];

/** PostgreSQL's text form of an array; most orders never answered a request. */
const arrayLiteral = (values: readonly string[]): string =>
  values.length === 0 ? '{}' : `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
