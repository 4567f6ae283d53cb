// projector/store/archive-tables.ts: makes the tables of the archive before a batch needs them. By offsets, not by time: the log's order
// is the only one that no clock can disturb, and every reader knows from which offset on it wants to read (decision 13).

import { type Database, type Queryable, quoteIdentifier } from '../../shared/postgres/database.ts';
import { type ArchiveTable, archiveStart, readArchiveTables } from '../../shared/postgres/tables/archive-tables.ts';

/**
 * Offsets of one table. With twelve partitions and three records an order that is 4 million orders and 9 GB: small enough to
 * be read, moved and dropped in seconds, large enough that years of a million orders a month are a few dozen tables. It may
 * be changed at any time: a new table begins where the last one ends.
 */
export const ARCHIVE_TABLE_OFFSETS = 1_000_000;

export interface ArchiveTables {
  /**
   * Resolves when there is a table for every offset up to this one, and one more, so that the next is there long before
   * it is needed. Safe with any number of projectors at once. Costs a statement only where a table may be missing.
   */
  cover(offset: number): Promise<void>;
  /** The tables are not what they were: the next `cover` looks again. */
  forget(): void;
}

export const createArchiveTables = (database: Database, tableOffsets = ARCHIVE_TABLE_OFFSETS): ArchiveTables => {
  let end = 0;
  return {
    cover: async (offset) => {
      if (offset + tableOffsets < end) return;
      end = endOf(await readArchiveTables(database));
      if (offset + tableOffsets < end) return;
      end = await database.transaction(async (client) => {
        // Two projectors take turns here. It lets everybody read and write the archive meanwhile.
        await client.query('LOCK TABLE ONLY events IN SHARE UPDATE EXCLUSIVE MODE');
        let from = endOf(await readArchiveTables(client));
        for (; from <= offset + tableOffsets; from += tableOffsets) await addTable(client, from, from + tableOffsets);
        return from;
      });
    },
    forget: () => {
      end = 0;
    },
  };
};

/** Lets an empty archive begin at this offset. */
export const beginArchiveAt = async (database: Database, from: number): Promise<void> => {
  const tables = await readArchiveTables(database);
  if (archiveStart(tables) === from) return;
  await database.transaction(async (client) => {
    for (const { name } of tables) await client.query(`DROP TABLE ${quoteIdentifier(name)}`);
    await addTable(client, from, from + ARCHIVE_TABLE_OFFSETS);
  });
};

const endOf = (tables: readonly ArchiveTable[]): number => tables.at(-1)?.to ?? 0;

/** Made beside the archive and then attached: CREATE TABLE … PARTITION OF would wait for every reader, and all others for it. */
const addTable = async (client: Queryable, from: number, to: number): Promise<void> => {
  const name = quoteIdentifier(`events_from_${from}`);
  await client.query(`CREATE TABLE ${name} (LIKE events INCLUDING ALL)`);
  await client.query(`ALTER TABLE events ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`);
};
