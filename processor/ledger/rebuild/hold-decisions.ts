// processor/ledger/rebuild/hold-decisions.ts: keeps processors from deciding on a log that is being restored, until the ledger is rebuilt.

import { openDatabase } from '../../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../../shared/postgres/maintenance-lock.ts';
import { migrate } from '../../../shared/postgres/migrate.ts';
import { LEDGER_SCHEMA_DIRECTORY } from '../open-ledger.ts';

export interface HoldDecisionsOptions {
  databaseUrl: string;
  schema: string;
}

/**
 * Runs `work` while no rebuild of the ledger runs. Once `hold` has resolved, a processor that starts waits for `rebuild`, also after
 * `work`, however it ended. Rejects with MAINTENANCE_RUNNING while a rebuild runs.
 */
export const holdDecisions = async <T>(
  { databaseUrl: url, schema }: HoldDecisionsOptions,
  work: (hold: () => Promise<void>) => Promise<T>,
): Promise<T> => {
  const database = openDatabase({ url, schema, applicationName: 'hold-decisions', maxConnections: 2, statementTimeoutMs: 0 });
  try {
    await migrate(database, LEDGER_SCHEMA_DIRECTORY);
    return await underMaintenanceLock(database, 'exclusive', () =>
      work(async () => {
        await database.query('UPDATE ledger SET complete = false');
      }),
    );
  } finally {
    await database.end();
  }
};
