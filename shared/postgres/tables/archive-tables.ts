// shared/postgres/tables/archive-tables.ts: of which tables the archive `events` consists. Each holds a range of offsets, the same of every
// partition of the topic; they follow one another without a gap. Where the first begins, the archive begins: what is below was dropped.

import type { Queryable, Row } from '../database.ts';

export interface ArchiveTable {
  name: string;
  /** The first offset that it holds. */
  from: number;
  /** The first that it does not hold. */
  to: number;
}

const ARCHIVE_TABLES = `
  SELECT c.relname AS name, bounds[1]::int8 AS "from", bounds[2]::int8 AS "to"
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
    regexp_match(pg_get_expr(c.relpartbound, c.oid), $bound$FROM \\('(\\d+)'\\) TO \\('(\\d+)'\\)$bound$) AS bounds
  WHERE i.inhparent = to_regclass('events')
  ORDER BY 2`;

/** The tables of the archive of the connection's schema, in the order of their offsets; none where there is no read model yet. */
export const readArchiveTables = async (database: Queryable): Promise<ArchiveTable[]> =>
  (await database.query<ArchiveTable & Row>(ARCHIVE_TABLES)).rows;

/** The first offset, of every partition, that the archive has. */
export const archiveStart = (tables: readonly ArchiveTable[]): number => tables[0]?.from ?? 0;
