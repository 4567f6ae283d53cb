// tests/integration/projector/read-model.ts: a read model of one's own in the shared database, and everything that it says.

import { join } from 'node:path';
import { inject } from 'vitest';
import { STORE_SETTINGS } from '../../../projector/store/postgres-store.ts';
import { type Database, openDatabase, quoteIdentifier } from '../../../shared/postgres/database.ts';
import { migrate } from '../../../shared/postgres/migrate.ts';
import type { Checkpoint } from '../../../shared/postgres/tables/checkpoints.ts';
import { ORDER_COLUMNS, type OrderRow, storedOrder } from '../../../shared/postgres/tables/order-rows.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import type { ArchiveRow, Tables } from '../../support/in-memory/store.ts';

export const SCHEMA_DIRECTORY = join(import.meta.dirname, '../../../projector/schema');

const opened: Database[] = [];

export const databaseUrl = (): string => inject('stack').database;

/** A pool on the given schema, ended by `closeAll`. */
export const openSchema = (schema: string, applicationName = 'tests'): Database => {
  const database = openDatabase({ url: databaseUrl(), schema, applicationName, maxConnections: 5, settings: STORE_SETTINGS });
  opened.push(database);
  return database;
};

/** A migrated schema that nobody else uses, dropped by `closeAll`. */
export const newReadModel = async (): Promise<Database> => {
  const database = openSchema(uniqueName('rm'));
  await migrate(database, SCHEMA_DIRECTORY);
  return database;
};

export const closeAll = async (): Promise<void> => {
  for (const database of opened.splice(0)) {
    await database.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(database.schema)} CASCADE`);
    await database.end();
  }
};

/** Everything that the projector has written, in the form in which the in-memory store gives it. */
export const readTables = async (database: Database): Promise<Tables> => {
  const rows = async <R extends object>(query: string): Promise<R[]> => (await database.query<R & Record<string, unknown>>(query)).rows;
  const counters = await rows<{ partition: number } & Tables['counters'][number]>(`
    SELECT partition, pending, processing, completed, cancelled, rejected, parked, revenue_minor AS "revenueMinor",
      processing_ms AS "processingMs", total_ms AS "totalMs", completed_processing AS "completedProcessing"
    FROM counters ORDER BY partition`);
  const buckets = await rows<{ partition: number; bucket: number; count: number }>('SELECT * FROM processing_time_histogram');
  const checkpoints = await rows<Checkpoint>(
    'SELECT partition, next_offset AS "nextOffset", topic_id AS "topicId", last_event_id AS "lastEventId" FROM checkpoints',
  );
  const products = await rows<{ product_id: string; created_at: number; order_id: string }>('SELECT * FROM order_products');
  return {
    orders: (await rows<OrderRow>(`SELECT ${ORDER_COLUMNS.join(', ')} FROM orders ORDER BY order_id`)).map(storedOrder),
    products: products.map((row) => `${row.product_id} ${row.created_at} ${row.order_id}`).sort(),
    archive: (
      await rows<ArchiveRow>(`
        SELECT partition || '@' || log_offset AS position, order_id AS "orderId", type, effect, recorded_at AS "recordedAt",
          encode(key, 'base64') AS key, encode(headers, 'base64') AS headers, encode(value, 'base64') AS value
        FROM events`)
    )
      .map((row) => ({ ...row, key: joined(row.key), headers: joined(row.headers)!, value: joined(row.value) }))
      .sort((a, b) => (a.position < b.position ? -1 : 1)),
    counters: Object.fromEntries(counters.map(({ partition, ...sums }) => [partition, sums])),
    histogram: Object.fromEntries(buckets.map(({ partition, bucket, count }) => [`${partition}/${bucket}`, count])),
    checkpoints: Object.fromEntries(checkpoints.map(({ partition, ...rest }) => [partition, rest])),
  };
};

/** PostgreSQL breaks base64 into lines. */
const joined = (base64: string | null): string | null => base64?.replaceAll('\n', '') ?? null;
