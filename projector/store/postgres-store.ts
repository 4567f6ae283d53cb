// projector/store/postgres-store.ts: the read model in PostgreSQL. One transaction per batch: one statement moves the checkpoints
// and changes what exists (store-statements.ts), then COPY appends what is new. It decides nothing; the batch says what to write.

import { arrayParameter, text } from '../../shared/postgres/binary.ts';
import { copyInto } from '../../shared/postgres/copy.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { databaseError } from '../../shared/postgres/errors.ts';
import { ARCHIVE_FIELDS } from '../../shared/postgres/tables/archive-rows.ts';
import { readCheckpoints } from '../../shared/postgres/tables/checkpoints.ts';
import { ORDER_FIELDS, type OrderRow, type StoredOrder, storedOrder } from '../../shared/postgres/tables/order-rows.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Batch } from '../project.ts';
import { createArchiveTables } from './archive-tables.ts';
import type { Store } from './store.ts';
import { CHANGE_ROWS, CREATE_CHECKPOINTS, changeRowsParameters, LOAD_ORDERS, PRODUCT_FIELDS } from './store-statements.ts';

/**
 * Settings for the store's connections. Every statement goes by primary key, so plans that read or hash whole tables are
 * ruled out: PostgreSQL may pick one while a table is small, cache it, and keep it while the table grows. A commit need not
 * reach the disk at once, because rows and checkpoint are lost together in a crash and then projected again.
 */
export const STORE_SETTINGS = {
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  synchronous_commit: 'off',
} as const;

export interface PostgresStoreOptions {
  /** The offset at which the archive begins: records below it are not archived. Only a rebuild comes across any. */
  archiveFrom?: number;
  /** Offsets of a new table of the archive. */
  archiveTableOffsets?: number;
}

/** The database's schema is the read model; `topic` says whose checkpoints these are. */
export const createPostgresStore = (database: Database, topic: string, options: PostgresStoreOptions = {}): Store => {
  const { archiveFrom = 0, archiveTableOffsets } = options;
  const archiveTables = createArchiveTables(database, archiveTableOffsets);
  return {
    load: passing(async (orderIds) => {
      if (orderIds.length === 0) return new Map();
      const values = [arrayParameter(text, orderIds)];
      const { rows } = await database.query<OrderRow>({ name: 'load-orders', text: LOAD_ORDERS, values });
      return new Map(rows.map((row): [string, StoredOrder] => [row.order_id, storedOrder(row)]));
    }),

    commit: passing(async (batch) => {
      const inserts = batch.changes.filter(({ before }) => before === null).map(({ after }) => after);
      const updates = batch.changes.filter(({ before }) => before !== null);
      const archive = archiveFrom === 0 ? batch.archive : batch.archive.filter(({ record }) => record.offset >= archiveFrom);
      const values = changeRowsParameters(topic, batch, updates);
      await archiveTables.cover(Math.max(...batch.moves.map(({ to }) => to)));
      try {
        await database.transaction(async (client) => {
          const { rows } = await client.query<{ moved: number; changed: number }>({ name: 'change-rows', text: CHANGE_ROWS, values });
          expectMoved(batch, rows[0]!.moved);
          if (rows[0]!.changed !== updates.length)
            throw new Error('an order that was loaded is gone from the table: somebody else wrote to it');
          await copyInto(client, 'orders', ORDER_FIELDS, inserts);
          await copyInto(client, 'order_products', PRODUCT_FIELDS, batch.products.added);
          await copyInto(client, 'events', ARCHIVE_FIELDS, archive);
        });
      } catch (error) {
        if (!isWithoutTable(error)) throw error;
        // The read model was replaced by one whose archive ends earlier: the next attempt looks again.
        archiveTables.forget();
        throw new AppError('DATABASE_UNAVAILABLE', 'The archive has no table for these offsets yet.', error);
      }
    }),

    checkpoints: passing(() => readCheckpoints(database, topic)),

    createCheckpoints: passing(async (topicId, partitions) => {
      await database.query(CREATE_CHECKPOINTS, [topic, topicId, partitions]);
    }),
  };
};

const expectMoved = (batch: Batch, moved: number): void => {
  if (moved === batch.moves.length) return;
  throw new AppError(
    'CHECKPOINT_MOVED',
    `${batch.moves.length - moved} of ${batch.moves.length} checkpoints are not where this batch begins.`,
  );
};

const CHECK_VIOLATION = '23514';

/** A row that no partition takes is a violated check of no constraint. */
const isWithoutTable = (error: unknown): boolean => {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return code === CHECK_VIOLATION && constraint === undefined;
};

/** Says of failures that pass by themselves that they do. */
const passing =
  <A extends unknown[], R>(call: (...args: A) => Promise<R>): ((...args: A) => Promise<R>) =>
  async (...args) => {
    try {
      return await call(...args);
    } catch (error) {
      throw databaseError(error);
    }
  };
