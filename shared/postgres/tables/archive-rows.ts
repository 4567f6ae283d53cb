// shared/postgres/tables/archive-rows.ts: table `events`: between a record of the log with its verdict and a row of the archive. Both directions stand
// here, so that the stored form can change: nothing else may know it.

import { type Headers, packedSize, packHeaders, packHeadersInto, unpackHeaders } from '../../log/codec/raw-headers.ts';
import type { LogRecord } from '../../log/log.ts';
import type { Effect } from '../../order/order.ts';
import { type BinaryType, bytea, type ColumnsOf, cell, columnList, int4, int8, text, timestamptz } from '../binary.ts';

export type ArchivedEffect = Effect | 'undecodable';

export interface ArchivedRecord {
  record: LogRecord;
  /** Null where the record could not be decoded: its texts may be anything, only its bytes are kept. */
  orderId: string | null;
  /** The ce_type, as it stands on the wire. */
  type: string | null;
  effect: ArchivedEffect;
  /** The record's Kafka timestamp, epoch milliseconds, moved into the range of PostgreSQL's if it lies outside. */
  recordedAt: number;
}

/** A row as the connections of database.ts read it. */
export interface ArchiveRow {
  partition: number;
  log_offset: number;
  order_id: string | null;
  type: string | null;
  effect: ArchivedEffect;
  recorded_at: number;
  key: Buffer | null;
  headers: Buffer;
  value: Buffer | null;
}

const packedHeaders: BinaryType<Headers> = { ...bytea, size: packedSize, write: packHeadersInto };

const COLUMNS: ColumnsOf<ArchiveRow, ArchivedRecord> = {
  partition: cell(int4, ({ record }) => record.partition),
  log_offset: cell(int8, ({ record }) => record.offset),
  order_id: cell(text, ({ orderId }) => orderId),
  type: cell(text, ({ type }) => type),
  effect: cell(text, ({ effect }) => effect),
  recorded_at: cell(timestamptz, ({ recordedAt }) => recordedAt),
  key: cell(bytea, ({ record }) => record.key),
  headers: cell(packedHeaders, ({ record }) => record.exactHeaders ?? record.headers),
  value: cell(bytea, ({ record }) => record.value),
};

/** The columns of the archive, in the order in which rows are written. */
export const ARCHIVE_FIELDS = columnList(COLUMNS);

/** The same columns by name, for SELECT lists. */
export const ARCHIVE_COLUMNS: readonly string[] = ARCHIVE_FIELDS.map(({ name }) => name);

/** The record as it was read from the log; its timestamp as far as the archive can hold it. */
export const recordOf = (topic: string, row: ArchiveRow): LogRecord => ({
  topic,
  partition: row.partition,
  offset: row.log_offset,
  timestamp: row.recorded_at,
  key: row.key,
  value: row.value,
  ...unpackHeaders(row.headers),
});

/** The bytes of a record as its row must have them. A row that was damaged may not be readable at all, so `verify` compares these. */
export const storedBytes = ({ key, headers, exactHeaders, value }: LogRecord): Pick<ArchiveRow, 'key' | 'headers' | 'value'> => ({
  key,
  headers: packHeaders(exactHeaders ?? headers),
  value,
});
