// tests/support/faults/terminate-backends.ts: PostgreSQL ends connections of a role, as an administrator, an out-of-memory killer or a
// fail-over would.

import { openDatabase } from '../../../shared/postgres/database.ts';
import type { RoleName } from '../stack/service/role-process.ts';

export interface Terminated {
  connections: number;
  /** Those that were inside a transaction. */
  inTransaction: number;
}

/** All connections of all instances of the role, whatever they are doing. */
export const terminateBackends = async (url: string, role: RoleName): Promise<Terminated> => {
  const database = openDatabase({ url, schema: 'public', applicationName: 'tests', maxConnections: 1 });
  try {
    const { rows } = await database.query<{ connections: number; in_transaction: number }>(
      `WITH ended AS (
         SELECT xact_start IS NOT NULL AS inside, pg_terminate_backend(pid) AS done FROM pg_stat_activity
         WHERE application_name ~ $1 AND pid <> pg_backend_pid())
       SELECT count(*)::int AS connections, count(*) FILTER (WHERE inside)::int AS in_transaction FROM ended WHERE done`,
      [`^(orders-)?${role}`],
    );
    return { connections: rows[0]!.connections, inTransaction: rows[0]!.in_transaction };
  } finally {
    await database.end();
  }
};
