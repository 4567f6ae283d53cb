// processor/ledger/rebuild/keep-ledger.ts: copies the ledger's tables into a schema of their own before a rebuild replaces their rows (R18).
// Copies of rows, to be read: where the log has lost what they were made from, no processor can go on from them.

import { type Client, quoteIdentifier } from '../../../shared/postgres/database.ts';
import { noteWhyKept } from '../../../shared/postgres/kept-schemas.ts';

/** In the caller's transaction, so that they are the rows that are replaced. */
export const keepLedger = async (client: Client, schema: string, name: string, why: string): Promise<void> => {
  const { rows } = await client.query<{ table: string }>(
    `SELECT tablename::text AS "table" FROM pg_tables WHERE schemaname = $1 AND tablename <> 'schema_migrations' ORDER BY 1`,
    [schema],
  );
  const kept = quoteIdentifier(name);
  await client.query(`CREATE SCHEMA ${kept}`);
  for (const table of rows.map((row) => quoteIdentifier(row.table)))
    await client.query(`CREATE TABLE ${kept}.${table} AS TABLE ${quoteIdentifier(schema)}.${table}`);
  await noteWhyKept(client, name, why);
};
