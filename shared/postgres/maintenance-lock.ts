// shared/postgres/maintenance-lock.ts: keeps the operator's tools apart: one rebuild of a schema at a time, and none while a verify
// compares it, dead letters are redriven or old parts of the archive are dropped.

import { AppError } from '../runtime/app-error.ts';
import type { Database } from './database.ts';

const TRY = { exclusive: 'pg_try_advisory_lock', shared: 'pg_try_advisory_lock_shared' } as const;

/**
 * Runs `work` under the lock of the database's schema, which ends with the connection that holds it. Rejects with
 * MAINTENANCE_RUNNING when somebody else has it: `exclusive` for what changes it (rebuild, redrive, drop), `shared` for tools that only look.
 */
export const underMaintenanceLock = async <T>(database: Database, mode: keyof typeof TRY, work: () => Promise<T>): Promise<T> => {
  const client = await database.connect();
  try {
    const { rows } = await client.query<{ locked: boolean }>(`SELECT ${TRY[mode]}(hashtextextended($1, 0)) AS locked`, [lockKey(database)]);
    if (!rows[0]!.locked)
      throw new AppError('MAINTENANCE_RUNNING', `A rebuild, verify, redrive or drop of ${database.schema} is running: wait until it ends.`);
    return await work();
  } finally {
    client.release(true); // closing the connection gives the lock back, whatever happened
  }
};

/** What is hashed into the lock's number. */
export const lockKey = ({ schema }: Database): string => `maintenance of ${schema}`;
