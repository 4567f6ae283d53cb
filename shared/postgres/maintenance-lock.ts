// shared/postgres/maintenance-lock.ts: keeps the operator's tools apart.
// One rebuild of a schema at a time, and none while a verify compares it, the log is restored from it, dead letters are redriven or old
// parts of the archive are dropped.

import { AppError } from '../runtime/app-error.ts';
import type { Database } from './database.ts';

const TRY = { exclusive: 'pg_try_advisory_lock', shared: 'pg_try_advisory_lock_shared' } as const;
const GIVE_BACK = { exclusive: 'pg_advisory_unlock', shared: 'pg_advisory_unlock_shared' } as const;

/**
 * Runs `work` under the lock of the database's schema, which ends with `work`, or with the connection that holds it. Rejects with
 * MAINTENANCE_RUNNING when another tool has it: `exclusive` for what changes it or goes by it (rebuild, restore, redrive, drop), `shared` for tools that only look.
 */
export const underMaintenanceLock = async <T>(database: Database, mode: keyof typeof TRY, work: () => Promise<T>): Promise<T> => {
  const client = await database.connect();
  const call = (name: string) => client.query<{ done: boolean }>(`SELECT ${name}(hashtextextended($1, 0)) AS done`, [lockKey(database)]);
  try {
    if (!(await call(TRY[mode])).rows[0]!.done)
      throw new AppError(
        'MAINTENANCE_RUNNING',
        `A rebuild, verify, restore, redrive or drop of ${database.schema} is running: wait until it ends.`,
      );
    try {
      return await work();
    } finally {
      // PostgreSQL notices a moment later that a connection was closed; the next tool may be quicker.
      await call(GIVE_BACK[mode]).catch(() => undefined);
    }
  } finally {
    client.release(true); // so that the lock is gone, whatever happened
  }
};

/** What is hashed into the lock's number. */
export const lockKey = ({ schema }: Database): string => `maintenance of ${schema}`;
