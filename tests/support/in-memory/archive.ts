// tests/support/in-memory/archive.ts: the archive of one partition as restoring reads it, and what tells one record from another wherever it stands.

import type { LogRecord } from '../../../shared/log/log.ts';
import { type ArchiveRow, storedBytes } from '../../../shared/postgres/tables/archive-rows.ts';

/** As shared/postgres/cursor.ts has it. */
export const cursorOf = (rows: readonly ArchiveRow[]) => {
  let at = 0;
  return {
    current: () => rows[at],
    next: () => {
      at += 1;
    },
    fetched: async () => at < rows.length,
  };
};

/** What a record is, for comparing: all of it but its place and time. */
export const nameOf = (record: LogRecord): string => {
  const { key, headers, value } = storedBytes(record);
  return [key, headers, value].map((bytes) => bytes?.toString('latin1') ?? '–').join('|');
};
