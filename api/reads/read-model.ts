// api/reads/read-model.ts: what the api asks PostgreSQL about orders.
// It never writes: the projector does. Every method is one statement or one snapshot, so that each answer is about one moment, and rejects
// with DATABASE_UNAVAILABLE when a retry may help.

import { decodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { LogMark } from '../../shared/log/identity/log-mismatch.ts';
import type { OrderEvent } from '../../shared/order/events.ts';
import { OPEN_STATUSES, ORDER_STATUSES } from '../../shared/order/lifecycle.ts';
import type { Effect } from '../../shared/order/order.ts';
import { BEGIN_SNAPSHOT, type Client, type Database, type Row } from '../../shared/postgres/database.ts';
import { databaseError, isUndefinedTable } from '../../shared/postgres/errors.ts';
import { ARCHIVE_COLUMNS, type ArchiveRow, recordOf } from '../../shared/postgres/tables/archive-rows.ts';
import { archiveStart, readArchiveTables } from '../../shared/postgres/tables/archive-tables.ts';
import { readCheckpoints, readNextOffsets } from '../../shared/postgres/tables/checkpoints.ts';
import { CREATION_OFFSETS, type CreationOffsetRow, creationOffsetsIn } from '../../shared/postgres/tables/creation-offsets.ts';
import { ORDER_COLUMNS, type OrderRow, type StoredOrder, storedOrder } from '../../shared/postgres/tables/order-rows.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { type ListQuery, listStatement } from './order-list.ts';
import { type CountersRow, METRICS_STATEMENT, METRICS_WITH_IDS_STATEMENT } from './order-metrics.ts';
import type { LoggedEvent } from './tail-memory.ts';

/** Everything that is open, as of the checkpoints. */
export interface Snapshot {
  /** Partition → first offset that the rows do not contain. A partition without an entry has none: 0. */
  checkpoints: Map<number, number>;
  /** From which log the rows were made, and up to where (R17). */
  marks: readonly LogMark[];
  open: StoredOrder[];
  /** Creation time of the newest order of all; null without orders. */
  newestCreatedAt: number | null;
}

/** A row, or that there is none, with the checkpoint of its partition from the same statement. */
export interface LookedUp {
  checkpoint: number;
  stored: StoredOrder | null;
}

/** Where orders of one partition were created, with its checkpoint from the same statement. */
export interface CreationOffsets {
  checkpoint: number;
  /** Order id → offset of the OrderCreated that won, for those that have an order. */
  createdAt: ReadonlyMap<string, number>;
}

/** Archived events of an order, with the checkpoint of its partition from the same statement. */
export interface ArchivedEvents {
  checkpoint: number;
  events: LoggedEvent[];
}

export interface ReadModel {
  snapshot(): Promise<Snapshot>;
  checkpoints(): Promise<Map<number, number>>;
  lookUp(wanted: readonly { orderId: string; partition: number }[]): Promise<LookedUp[]>;
  creationOffsets(partition: number, orderIds: readonly string[]): Promise<CreationOffsets>;
  /** Events of an order from an offset on, in log order. */
  events(order: { orderId: string; partition: number }, from: number, limit: number): Promise<ArchivedEvents>;
  /** The first offset, of every partition, that the archive has: what is below was dropped from it. */
  archiveStart(): Promise<number>;
  page(query: ListQuery): Promise<StoredOrder[]>;
  counters(withIds: boolean): Promise<CountersRow>;
}

/**
 * For the connections of the api. All that it asks are look-ups by key and pages in index order. A bitmap, a hash or a merge reads
 * a whole range first; they look cheaper only where statistics are older than a rush.
 */
export const READ_MODEL_SETTINGS = { enable_bitmapscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off' } as const;

// So that a hundred thousand open orders never stand in one reply.
const SNAPSHOT_PAGE = 5_000;

const columns = (table: string): string => ORDER_COLUMNS.map((name) => `${table}.${name}`).join(', ');

const NEWEST_OF_EACH = ORDER_STATUSES.map(
  (status) => `(SELECT created_at FROM orders WHERE status = '${status}' ORDER BY created_at DESC, order_id DESC LIMIT 1)`,
);
const NEWEST = `SELECT max(created_at) AS created_at FROM (${NEWEST_OF_EACH.join(' UNION ALL ')}) n`;
const OPEN_PAGE = `
  SELECT ${columns('o')} FROM orders o
  WHERE status = $1 AND (created_at, order_id) > (to_timestamp($2::float8 / 1000), $3)
  ORDER BY created_at, order_id LIMIT ${SNAPSHOT_PAGE}`;
const LOOK_UP = `
  SELECT c.next_offset AS checkpoint, ${columns('o')}
  FROM unnest($2::text[], $3::int4[]) WITH ORDINALITY AS w (order_id, partition, place)
  LEFT JOIN checkpoints c ON c.topic = $1 AND c.partition = w.partition
  LEFT JOIN orders o ON o.order_id = w.order_id
  ORDER BY w.place`;
const EVENTS = `
  SELECT c.next_offset AS checkpoint, ${ARCHIVE_COLUMNS.map((name) => `e.${name}`).join(', ')}
  FROM (SELECT $2::int4 AS partition) w
  LEFT JOIN checkpoints c ON c.topic = $1 AND c.partition = w.partition
  LEFT JOIN LATERAL (SELECT * FROM events WHERE order_id = $3 AND log_offset >= $4 ORDER BY log_offset LIMIT $5) e ON true
  ORDER BY e.log_offset`;

type EventsRow = { checkpoint: number | null } & (ArchiveRow | { [K in keyof ArchiveRow]: null });
type LookUpRow = { checkpoint: number | null } & { [K in keyof OrderRow]: OrderRow[K] | null };

export const createReadModel = (database: Database, topic: string): ReadModel => ({
  snapshot: () =>
    answered(
      database.transaction(async (client) => {
        const marks = [...(await readCheckpoints(client, topic)).values()];
        return {
          checkpoints: new Map(marks.map(({ partition, nextOffset }) => [partition, nextOffset])),
          marks,
          open: await openOrders(client),
          newestCreatedAt: (await client.query<{ created_at: number | null }>(NEWEST)).rows[0]?.created_at ?? null,
        };
      }, BEGIN_SNAPSHOT),
    ),
  checkpoints: () => answered(readNextOffsets(database, topic)),
  lookUp: async (wanted) => {
    const values = [topic, wanted.map(({ orderId }) => orderId), wanted.map(({ partition }) => partition)];
    const { rows } = await answered(database.query<LookUpRow>({ name: 'look_up_orders', text: LOOK_UP, values }));
    return rows.map((row) => ({ checkpoint: row.checkpoint ?? 0, stored: row.order_id === null ? null : storedOrder(row as OrderRow) }));
  },
  creationOffsets: async (partition, orderIds) => {
    const statement = { name: 'creation_offsets', text: CREATION_OFFSETS, values: [topic, partition, orderIds] };
    const { checkpoint, createdAt } = creationOffsetsIn((await answered(database.query<CreationOffsetRow>(statement))).rows);
    return { checkpoint: checkpoint ?? 0, createdAt };
  },
  events: async ({ orderId, partition }, from, limit) => {
    const { rows } = await answered(database.query<EventsRow & Row>(EVENTS, [topic, partition, orderId, from, limit]));
    const events = rows.flatMap((row) =>
      row.log_offset === null
        ? []
        : [{ event: archivedEvent(topic, row), effect: row.effect as Effect, partition, offset: row.log_offset }],
    );
    return { checkpoint: rows[0]!.checkpoint ?? 0, events };
  },
  archiveStart: async () => archiveStart(await answered(readArchiveTables(database))),
  page: async (query) => {
    const { text, values } = listStatement(query);
    const { rows } = await answered(database.query<OrderRow & Record<string, unknown>>(text, values));
    return rows.map(storedOrder);
  },
  counters: async (withIds) => {
    const { rows } = await answered(database.query<CountersRow>(withIds ? METRICS_WITH_IDS_STATEMENT : METRICS_STATEMENT));
    return rows[0]!;
  },
});

const openOrders = async (client: Client): Promise<StoredOrder[]> => {
  const all: StoredOrder[] = [];
  for (const status of OPEN_STATUSES) {
    for (let last: OrderRow | undefined; ; ) {
      const { rows } = await client.query<OrderRow>(OPEN_PAGE, [status, last?.created_at ?? -Infinity, last?.order_id ?? '']);
      for (const row of rows) all.push(storedOrder(row));
      if (rows.length < SNAPSHOT_PAGE) break;
      last = rows.at(-1);
    }
  }
  return all;
};

/** The archive holds a record's bytes; they are decoded as they were when they were read from the log. */
const archivedEvent = (topic: string, row: ArchiveRow): OrderEvent => {
  const decoded = decodeOrderEvent(recordOf(topic, row));
  if (!decoded.ok) throw new Error(`the archived record ${row.partition}@${row.log_offset} cannot be decoded: ${decoded.reason}`);
  return decoded.event;
};

/** Passing failures as DATABASE_UNAVAILABLE; so too tables that the projector has yet to create. */
const answered = async <T>(query: Promise<T>): Promise<T> => {
  try {
    return await query;
  } catch (error) {
    if (!isUndefinedTable(error)) throw databaseError(error);
    throw new AppError('DATABASE_UNAVAILABLE', 'The read model has not been created yet: is the projector running?', error);
  }
};
