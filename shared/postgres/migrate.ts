// shared/postgres/migrate.ts: brings one schema to the newest version of its numbered SQL files. Every role instance that
// owns a schema calls this at its start; node-pg-migrate's advisory lock lets one through at a time.

import { runner } from 'node-pg-migrate';
import type { Database } from './database.ts';

const MIGRATIONS_TABLE = 'schema_migrations';

/**
 * Creates the schema if it is missing and runs what has not run yet, all in one transaction. Safe to call concurrently.
 * Resolves with the names of the migrations that ran. The connection's statement timeout bounds the wait for the lock.
 */
export const migrate = async (database: Database, directory: string): Promise<string[]> => {
  const client = await database.connect();
  try {
    const ran = await runner({
      dbClient: client,
      dir: directory,
      direction: 'up',
      schema: database.schema,
      createSchema: true,
      migrationsTable: MIGRATIONS_TABLE,
      advisoryLockMode: 'wait',
      checkOrder: true,
      singleTransaction: true,
      log: () => {},
    });
    return ran.map(({ name }) => name);
  } finally {
    client.release(true); // the runner leaves its own search path behind
  }
};
