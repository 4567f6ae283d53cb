// projector/restore/restore-partition.ts: gives one partition of the log back what the archive has and the log has not, in order.
// Knows neither Kafka nor PostgreSQL, so that it can be tried on any two histories.

import type { LogRecord } from '../../shared/log/log.ts';
import { recordBytesMax } from '../../shared/log/protocol/record-batch.ts';
import type { Cursor } from '../../shared/postgres/cursor.ts';
import { type ArchiveRow, storedBytes } from '../../shared/postgres/tables/archive-rows.ts';
import { restorable } from './archived-record.ts';
import { createDigestSet, type DigestSet, sameRecord } from './digest-set.ts';
import { createTally, type RestoredPartition, type Tally } from './tally.ts';

export interface RestorePartitionOptions {
  topic: string;
  partition: number;
  /** Where the archive begins, and the offset after its last record. */
  archived: { from: number; to: number };
  /** Rows of this partition, by offset. */
  archive: Pick<Cursor<ArchiveRow>, 'current' | 'next' | 'fetched'>;
  /** Hands over the log from an offset on, up to its end, or until `handle` resolves with false. */
  readLog: (from: number, handle: (records: readonly LogRecord[]) => Promise<boolean>) => Promise<void>;
  /** Resolves with the offset of each; null where it is too large. A dry run says at which offsets they would stand. */
  append: (records: readonly LogRecord[]) => Promise<(number | null)[]>;
  /** This many more records of the archive are dealt with. */
  onRecords: (count: number) => void;
}

// One batch, by `recordBytesMax`: below Kafka's max.message.bytes of 1,048,588, and, with six bytes for each header, below half of what a
// reader opens at once (protocol/batch-limits.ts). What no reader opens would be lost.
const BATCH_BYTES_MAX = 900_000;
const BATCH_RECORDS_MAX = 1_000;

/** Resolves when all is appended. Rejects as reading and appending do: what was appended until then, the next run finds. */
export const restorePartition = async (options: RestorePartitionOptions): Promise<RestoredPartition> => {
  const tally = createTally(options.partition, options.archived);
  const since = await skipCommon(options, tally);
  await appendMissing(options, tally, since);
  return tally.total();
};

/**
 * Passes over what log and archive have in common from the beginning on, record by record. Resolves with what the log has behind
 * that; null: nothing, so that what follows in the archive can be appended as it is, copies included.
 */
const skipCommon = async ({ topic, archive, readLog, onRecords }: RestorePartitionOptions, tally: Tally): Promise<DigestSet | null> => {
  let since: DigestSet | null = null;
  const compare = async (record: LogRecord): Promise<boolean> => {
    const logged = storedBytes(record);
    while (since === null) {
      if (!(await archive.fetched())) return false;
      const row = archive.current()!;
      const given = restorable(topic, row);
      const isSame = sameRecord(row, logged);
      if (!isSame && 'record' in given) break;
      tally.archived(row, given.offsetAfter);
      if ('because' in given && !isSame) tally.leftOut(row, given.because);
      else tally.found(row, record.offset);
      onRecords(1);
      archive.next();
      if (isSame) return true;
    }
    since ??= createDigestSet();
    since.add(logged);
    return true;
  };
  await readLog(await commonStart(archive, readLog), async (records) => {
    for (const record of records) if (!(await compare(record))) return false;
    return true;
  });
  return since;
};

/** The archive may begin later than the log. Then so does the comparison, if the log is still the one that it was made from. */
const commonStart = async (archive: RestorePartitionOptions['archive'], readLog: RestorePartitionOptions['readLog']): Promise<number> => {
  if (!(await archive.fetched())) return 0;
  const row = archive.current()!;
  let isSame = false;
  if (row.log_offset > 0) {
    await readLog(row.log_offset, async ([record]) => {
      isSame = record !== undefined && sameRecord(row, storedBytes(record));
      return false;
    });
  }
  return isSame ? row.log_offset : 0;
};

/** `since`: what the log has gone on with. What is there is not appended again. */
const appendMissing = async (options: RestorePartitionOptions, tally: Tally, since: DigestSet | null): Promise<void> => {
  const { topic, archive, append, onRecords } = options;
  const batch = createBatch();
  const flush = async (): Promise<void> => {
    const entries = batch.take();
    if (entries.length === 0) return;
    const offsets = await append(entries.map(({ record }) => record));
    for (const [index, { row }] of entries.entries()) {
      const at = offsets[index]!;
      if (at === null) tally.leftOut(row, 'TOO_LARGE');
      else tally.appended(row, at);
    }
    onRecords(entries.length);
  };
  for (; await archive.fetched(); archive.next()) {
    const row = archive.current()!;
    const given = restorable(topic, row);
    tally.archived(row, given.offsetAfter);
    if ('record' in given && since?.has(row) !== true) {
      if (!batch.hasRoomFor(given.record)) await flush();
      batch.push({ row, record: given.record });
      continue;
    }
    if ('because' in given) tally.leftOut(row, given.because);
    else tally.found(row, null);
    onRecords(1);
  }
  await flush();
};

interface Entry {
  row: ArchiveRow;
  record: LogRecord;
}

const createBatch = () => {
  let entries: Entry[] = [];
  let bytes = 0;
  return {
    hasRoomFor: (record: LogRecord): boolean =>
      entries.length === 0 || (entries.length < BATCH_RECORDS_MAX && bytes + bytesMaxOf(record) <= BATCH_BYTES_MAX),
    push: (entry: Entry): void => {
      entries.push(entry);
      bytes += bytesMaxOf(entry.record);
    },
    take: (): Entry[] => {
      const taken = entries;
      [entries, bytes] = [[], 0];
      return taken;
    },
  };
};

const bytesMaxOf = ({ key, value, headers, exactHeaders }: LogRecord): number =>
  recordBytesMax({ topic: '', key, value, ...(exactHeaders ? { headers: {}, exactHeaders } : { headers }) });
