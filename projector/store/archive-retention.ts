// projector/store/archive-retention.ts: what the archive holds, and dropping the oldest of it. Only whole tables go, the oldest first, so what
// is left is whole from one offset on, in every partition. Orders, counters and the log are left alone, and a last copy is never dropped (R18).

import { type Database, openDatabase, type Queryable, quoteIdentifier, type Row } from '../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../shared/postgres/maintenance-lock.ts';
import { type ArchiveTable, readArchiveTables } from '../../shared/postgres/tables/archive-tables.ts';
import { type LogLoss, lossNotAccepted } from '../loss/log-loss.ts';
import { dropTables } from './replace-tables.ts';

export interface ArchivedStretch extends ArchiveTable {
  records: number;
  /** Of the table with its indexes. */
  bytes: number;
  /** Times of the first and the last record, by the log's order, of any partition; epoch milliseconds, null without records. */
  firstAt: number | null;
  lastAt: number | null;
}

export interface RetentionOptions {
  databaseUrl: string;
  topic: string;
  schema: string;
}

export interface DropOptions extends RetentionOptions {
  /** Epoch milliseconds: a table goes when the last record of each partition in it is older. */
  before: number;
  /** Without it nothing is dropped, only said what would be. */
  really: boolean;
  /** What is here and not in the log. */
  findLoss: (database: Database) => Promise<LogLoss | null>;
}

export interface DropResult {
  dropped: ArchivedStretch[];
  /** The first table that stays, and why: everything after it stays, too. */
  kept: (ArchivedStretch & { because: KeptBecause }) | null;
  /** Orders that were created below this offset have no history any more. */
  archiveFrom: number;
}

/** Records are still to come · it holds younger ones · an open order began in it or before. */
export type KeptBecause = 'being_filled' | 'younger' | 'open_order';

// Records are found by the block ranges of their position, never by reading the table. Sizes and plans take as long as they take.
const SETTINGS = { enable_seqscan: 'off' } as const;

export const listArchive = (options: RetentionOptions): Promise<ArchivedStretch[]> =>
  withDatabase(options, (database) => readStretches(database, options.topic));

/**
 * Drops all of it or nothing. An order that is open keeps its history. Rejects with LOSS_NOT_ACCEPTED when the log has not got all that
 * is here, with MAINTENANCE_RUNNING while a rebuild or a verify runs, and with DATABASE_UNAVAILABLE when somebody reads the archive all the
 * time; then nothing was dropped.
 */
export const dropArchive = (options: DropOptions): Promise<DropResult> =>
  withDatabase(options, (database) =>
    underMaintenanceLock(database, 'exclusive', async () => {
      const loss = await options.findLoss(database);
      if (loss !== null) throw lossNotAccepted(loss, options.topic, 'The archive may be the last copy: nothing is dropped from it.');
      const stretches = await readStretches(database, options.topic);
      const bounds = await readBounds(database, options.topic);
      // None of it can come to stand against a drop later: what is full stays full, and new orders begin behind it.
      const reasons = stretches.map((stretch) => reasonToKeep(stretch, bounds, options.before));
      const first = reasons.findIndex((reason) => reason !== null);
      const dropped = first === -1 ? stretches : stretches.slice(0, first);
      if (options.really)
        await dropTables(
          database,
          dropped.map(({ name }) => name),
        );
      const kept = first === -1 ? null : { ...stretches[first]!, because: reasons[first]! };
      return { dropped, kept, archiveFrom: kept?.from ?? 0 };
    }),
  );

const withDatabase = async <T>({ databaseUrl: url, schema }: RetentionOptions, work: (database: Database) => Promise<T>): Promise<T> => {
  const database = openDatabase({ url, schema, applicationName: 'archive', maxConnections: 2, statementTimeoutMs: 0, settings: SETTINGS });
  try {
    return await work(database);
  } finally {
    await database.end();
  }
};

const readStretches = async (database: Queryable, topic: string): Promise<ArchivedStretch[]> => {
  const stretches: ArchivedStretch[] = [];
  for (const table of await readArchiveTables(database)) {
    const values = [topic, table.from, table.to, table.name];
    const { rows } = await database.query<Omit<ArchivedStretch, keyof ArchiveTable> & Row>(stretchQuery(table.name), values);
    stretches.push({ ...table, ...rows[0]! });
  }
  return stretches;
};

// Offsets follow one another without a gap, so the checkpoints say how many records there are: one that stands for a batch which nobody
// opens counts for all of them. Only such a batch can stand across the end of a table: then the last record is searched for.
const stretchQuery = (name: string): string => `
  SELECT coalesce(sum(greatest(least(c.next_offset, $3::int8) - $2::int8, 0)), 0)::int8 AS records,
    pg_total_relation_size(quote_ident($4)::regclass) AS bytes, min(f.recorded_at) AS "firstAt", max(l.recorded_at) AS "lastAt"
  FROM checkpoints c
  LEFT JOIN LATERAL (
    SELECT recorded_at FROM ${quoteIdentifier(name)} WHERE partition = c.partition AND log_offset = $2::int8
  ) f ON true
  LEFT JOIN LATERAL (
    (SELECT recorded_at FROM ${quoteIdentifier(name)} WHERE partition = c.partition AND log_offset = least(c.next_offset, $3::int8) - 1)
    UNION ALL
    (SELECT recorded_at FROM ${quoteIdentifier(name)} WHERE partition = c.partition ORDER BY log_offset DESC LIMIT 1)
    LIMIT 1
  ) l ON true
  WHERE c.topic = $1`;

interface Bounds {
  /** The first offset that is not archived yet, of the partition that is furthest behind. */
  archivedTo: number;
  /** Where the oldest open order begins; null when none is open. */
  openFrom: number | null;
}

const readBounds = async (database: Queryable, topic: string): Promise<Bounds> => {
  const { rows } = await database.query<Bounds & Row>(
    `SELECT (SELECT coalesce(min(next_offset), 0) FROM checkpoints WHERE topic = $1) AS "archivedTo",
       (SELECT min(created_offset) FROM orders WHERE status IN ('pending', 'processing')) AS "openFrom"`,
    [topic],
  );
  return rows[0]!;
};

const reasonToKeep = ({ to, lastAt }: ArchivedStretch, { archivedTo, openFrom }: Bounds, before: number): KeptBecause | null => {
  if (to > archivedTo) return 'being_filled';
  if (lastAt === null || lastAt >= before) return 'younger';
  return openFrom !== null && openFrom < to ? 'open_order' : null;
};
