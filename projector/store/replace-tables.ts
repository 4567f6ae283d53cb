// projector/store/replace-tables.ts: puts one schema in the place of another, or takes tables away, between two statements of everybody else. Sessions find
// tables by name at every statement, prepared ones included, so the next one of each finds the new tables.

import { setTimeout as delay } from 'node:timers/promises';
import { type Database, type Queryable, quoteIdentifier } from '../../shared/postgres/database.ts';
import { noteWhyKept } from '../../shared/postgres/kept-schemas.ts';
import { AppError } from '../../shared/runtime/app-error.ts';

// Readers queue up behind the one who waits for the lock, so it must not wait for long: a reader that takes longer than this
// makes it let everybody through and try again. Above deadlock_timeout (1 s), at which a vacuum in the way is cancelled.
const LOCK_TIMEOUT_MS = 1_500;
const ATTEMPTS_MAX = 40;
const PAUSE_MS = 1_000;
const LOST_LOCK = new Set(['55P03', '40P01']);

export interface SwapOptions {
  /** Brings the new tables up to date while everybody is locked out of the old ones: nobody reads or writes either. */
  lastStep: (locked: Queryable) => Promise<void>;
  /** The name under which the replaced schema is kept, and why; null: the log has all of it, and it is dropped (R18). */
  keep: { name: string; why: string } | null;
}

/**
 * Renames the database's schema and then `shadow` to its name, in one transaction. Rejects with DATABASE_UNAVAILABLE when the lock
 * cannot be had; then nothing has changed.
 */
export const swapSchemas = async (database: Database, shadow: string, { lastStep, keep }: SwapOptions): Promise<void> => {
  const replacedName = keep?.name ?? `${database.schema}_replaced`;
  const [live, fresh, replaced] = [database.schema, shadow, replacedName].map(quoteIdentifier);
  await retryingLocks(() =>
    database.transaction(async (client) => {
      await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      const tables = await tablesOf(client, database.schema);
      if (tables.length > 0) {
        // In one list and in a fixed order; readers of several tables then see either all old or all new ones.
        await client.query(`LOCK TABLE ${tables.map((table) => `${live}.${quoteIdentifier(table)}`).join(', ')} IN ACCESS EXCLUSIVE MODE`);
        await lastStep(client);
      }
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${live}`);
      await client.query(`ALTER SCHEMA ${live} RENAME TO ${replaced}`);
      if (keep !== null) await noteWhyKept(client, keep.name, keep.why);
      await client.query(`ALTER SCHEMA ${fresh} RENAME TO ${live}`);
    }),
  );
  if (keep === null) await dropSchema(database, replacedName);
};

/** Drops tables of the schema, all of them or none. */
export const dropTables = async (database: Database, names: readonly string[]): Promise<void> => {
  if (names.length === 0) return;
  await retryingLocks(() =>
    database.transaction(async (client) => {
      await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await client.query(`DROP TABLE ${names.map(quoteIdentifier).join(', ')}`);
    }),
  );
};

/** Drops a schema and everything in it, if it is there. */
export const dropSchema = (database: Database, schema: string): Promise<void> =>
  retryingLocks(() =>
    database.transaction(async (client) => {
      await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await client.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`);
    }),
  );

// The projector's transaction begins with the checkpoints: taking the same way round avoids most deadlocks with it. A table in
// partitions is locked with all of them.
const tablesOf = async (client: Queryable, schema: string): Promise<string[]> => {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname <> 'checkpoints', c.relname`,
    [schema],
  );
  return rows.map(({ name }) => name);
};

const retryingLocks = async (work: () => Promise<void>): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!LOST_LOCK.has((error as { code?: string }).code ?? '')) throw error;
      if (attempt === ATTEMPTS_MAX)
        throw new AppError('DATABASE_UNAVAILABLE', 'The tables of the read model are in use all the time.', error);
      await delay(PAUSE_MS);
    }
  }
};
