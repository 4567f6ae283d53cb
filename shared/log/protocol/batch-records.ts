// shared/log/protocol/batch-records.ts: takes the records out of one unpacked batch (their layout is in record-batch.ts).
// Believes nothing that a batch says of itself: brokers check less of it than a reader needs.

import type { ExactHeader, LogRecord, UnopenedReason } from '../log.ts';
import { headersFrom, isPlainName, setHeader } from '../protocol/exact-headers.ts';
import { BATCH_PARTS_MAX } from './batch-limits.ts';

export interface BatchHead {
  partition: number;
  baseOffset: number;
  lastOffset: number;
  baseTimestamp: number;
  /** Null: each record has a time of its own. */
  appendTime: number | null;
  count: number;
}

export interface BatchRecords {
  records: LogRecord[];
  /** Records and headers. */
  parts: number;
}

/**
 * Reads `buffer[start, end)`: all of the batch or nothing, so that all readers agree wherever they begin. Keys, values and headers are
 * views of the buffer, and keep all of it alive.
 */
export type ReadBatchRecords = (buffer: Buffer, start: number, end: number, batch: BatchHead) => BatchRecords | UnopenedReason;

const NOTHING = Buffer.alloc(0);
const HEADER_BYTES_MIN = 2; // the lengths of its name and its value

export const createBatchRecordReader = (topic: string): ReadBatchRecords => {
  const nameOf = createNameMemory();
  let buffer: Buffer = NOTHING;
  let at = 0;
  let end = 0; // of the record that is read
  let parts = 0;

  const readVarint = (): number => {
    let byte = buffer[at++]!;
    let result = byte & 0x7f;
    for (let factor = 128; byte > 0x7f; factor *= 128) {
      byte = buffer[at++]!;
      result += (byte & 0x7f) * factor; // not a shift: timestamp deltas may exceed 32 bits
    }
    return result % 2 === 0 ? result / 2 : -(result + 1) / 2;
  };
  /** A length that leads out of the record leads nowhere, and the record does not end where it says. */
  const advance = (length: number): void => {
    at = length >= 0 && at + length <= end ? at + length : Number.NaN;
  };
  const readBytes = (): Buffer | null => {
    const length = readVarint();
    if (length === -1) return null;
    advance(length);
    return buffer.subarray(at - length, at);
  };

  const readHeaders = (record: LogRecord, count: number): void => {
    const { headers } = record as { headers: Record<string, Buffer> };
    const begin = at;
    let isPlain = true;
    for (let index = 0; index < count; index++) {
      const length = readVarint();
      advance(length);
      const name = nameOf(buffer, at - length, length, index);
      const value = readBytes();
      if (value === null || !name.isPlain || Object.hasOwn(headers, name.text)) isPlain = false;
      setHeader(headers, name.text, value ?? NOTHING);
    }
    if (isPlain || at !== end) return;
    at = begin;
    const list = Array.from({ length: count }, (): ExactHeader => [readBytes() ?? NOTHING, readBytes()]);
    Object.assign(record, headersFrom(list));
  };

  const readRecord = (batch: BatchHead): LogRecord | UnopenedReason => {
    at++; // attributes: unused
    const timestamp = batch.baseTimestamp + readVarint();
    const offset = batch.baseOffset + readVarint();
    const key = readBytes();
    const value = readBytes();
    const record: LogRecord = { topic, partition: batch.partition, offset, timestamp, key, value, headers: {} };
    const count = readVarint();
    if (!(count >= 0 && count * HEADER_BYTES_MIN <= end - at)) return 'MALFORMED_BATCH';
    parts += 1 + count;
    if (parts > BATCH_PARTS_MAX) return 'TOO_LARGE';
    readHeaders(record, count);
    if (at !== end || !Number.isFinite(timestamp)) return 'MALFORMED_BATCH';
    if (batch.appendTime !== null) record.timestamp = batch.appendTime;
    return record;
  };

  const readRecords = (batchEnd: number, batch: BatchHead): LogRecord[] | UnopenedReason => {
    const records: LogRecord[] = [];
    let previous = batch.baseOffset - 1;
    for (let index = 0; index < batch.count; index++) {
      const length = readVarint();
      end = at + length;
      if (!(length > 0 && end <= batchEnd)) return 'MALFORMED_BATCH';
      const record = readRecord(batch);
      if (typeof record === 'string') return record;
      // Brokers give offsets to batches and do not look at those within. Where all are there, they follow one another.
      if (record.offset <= previous || record.offset > batch.lastOffset) return 'MALFORMED_BATCH';
      previous = record.offset;
      records.push(record);
    }
    return at === batchEnd ? records : 'MALFORMED_BATCH';
  };

  return (from, start, batchEnd, batch) => {
    if (batch.count < 0) return 'MALFORMED_BATCH';
    if (batch.count > BATCH_PARTS_MAX) return 'TOO_LARGE';
    [buffer, at, parts] = [from, start, 0];
    try {
      const records = readRecords(batchEnd, batch);
      return typeof records === 'string' ? records : { records, parts };
    } finally {
      buffer = NOTHING; // not kept alive until the next batch
    }
  };
};

interface HeaderName {
  bytes: Buffer;
  text: string;
  isPlain: boolean;
}

const HEADER_NAMES_REMEMBERED = 32; // our records have at most 13

// Records of one topic have the same headers in the same places: the name found there last is nearly always the right one.
const createNameMemory = () => {
  const remembered: HeaderName[] = [];
  return (buffer: Buffer, at: number, length: number, place: number): HeaderName => {
    const last = remembered[place];
    if (last !== undefined && last.bytes.length === length) {
      let index = 0;
      while (index < length && buffer[at + index] === last.bytes[index]) index++;
      if (index === length) return last;
    }
    const bytes = Buffer.from(buffer.subarray(at, at + length)); // a copy: what is remembered must not keep the fetch alive
    const text = bytes.toString('utf8');
    const name = { bytes, text, isPlain: isPlainName(bytes, text) };
    if (place < HEADER_NAMES_REMEMBERED) remembered[place] = name;
    return name;
  };
};
