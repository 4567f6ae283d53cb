// projector/rebuild/secondary-indexes.ts: drops the secondary indexes before a rebuild and builds them at its end.
// They cost more than half of every insert, and a fraction of that at the end.
// Primary keys stay: orders are looked up by them while a rebuild runs.

import type { Database } from '../../shared/postgres/database.ts';

/**
 * Drops all indexes of the schema that no constraint stands on, those of partitions with the one that they are part of.
 * Resolves with the statements that make them again.
 */
export const dropIndexes = async (database: Database): Promise<string[]> => {
  const { rows } = await database.query<{ name: string; definition: string }>(
    `SELECT i.indexrelid::regclass::text AS name, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') AS definition
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)`,
    [database.schema],
  );
  if (rows.length > 0) await database.query(`DROP INDEX ${rows.map(({ name }) => name).join(', ')}`);
  return rows.map(({ definition }) => definition);
};

/** Makes them again, `lanes` at a time, and gathers the statistics that plans are made with. */
export const createIndexes = async (database: Database, definitions: readonly string[], lanes: number): Promise<void> => {
  const queue = [...definitions];
  const lane = async (): Promise<void> => {
    for (let definition = queue.shift(); definition !== undefined; definition = queue.shift()) await database.query(definition);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const { rows } = await database.query<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind = 'r'`,
    [database.schema],
  );
  await database.query(`ANALYZE ${rows.map(({ name }) => name).join(', ')}`);
};
