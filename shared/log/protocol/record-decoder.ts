// shared/log/protocol/record-decoder.ts: reads the record batches that a fetch brought (their layout is in record-batch.ts).
// What is in the log never ends a reader: a batch that cannot be opened becomes one record that stands for it (docs/decisions/0016).

import { AppError } from '../../runtime/app-error.ts';
import type { LogRecord, UnopenedReason } from '../log.ts';
import { BATCH_BYTES_MAX, type FetchRoom, isUsedUp } from './batch-limits.ts';
import { type BatchHead, createBatchRecordReader, type ReadBatchRecords } from './batch-records.ts';
import { crc32c } from './crc32c.ts';
import { decompress } from './decompress.ts';
import { ATTRIBUTES_AT, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, CHECKSUM_AT, LENGTH_AT, MAGIC, MAGIC_AT } from './record-batch.ts';
import { unopenedBatch } from './unopened-batch.ts';

const LAST_OFFSET_DELTA_AT = 23;
const BASE_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const COUNT_AT = 57;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL_OR_CONTROL = 0x30;

export interface Decoded {
  records: LogRecord[];
  /** The offset after the last complete batch, or the one asked for if there was none. */
  nextOffset: number;
  /** Why what stands at `nextOffset` cannot be taken as it came: LOG_DAMAGED. Null: it was not looked at. */
  damage: AppError | null;
}

/** Reads record sets of one topic. Values, keys and headers are views of the buffer that is passed in: they keep all of it alive. */
export type RecordDecoder = (buffer: Buffer, partition: number, fromOffset: number, room: FetchRoom) => Decoded;

/**
 * Decodes what a fetch brought for one partition: records from `fromOffset` on. A batch cut off at the end, as brokers send it, is left for
 * the next fetch, and so is what there is no more room for. Throws LOG_MISMATCH for a format that only newer code knows.
 */
export const createRecordDecoder = (topic: string): RecordDecoder => {
  const readRecords = createBatchRecordReader(topic);

  return (buffer, partition, fromOffset, room) => {
    const records: LogRecord[] = [];
    let nextOffset = fromOffset;
    for (let at = 0; at + BATCH_HEADER_BYTES <= buffer.length && !isUsedUp(room); ) {
      const end = at + BATCH_PREFIX_BYTES + buffer.readInt32BE(at + LENGTH_AT);
      if (end > buffer.length) break;
      const batch = buffer.subarray(at, end);
      const damage = damageOf(batch, `${topic}/${partition}@${nextOffset}`);
      if (damage !== null) return { records, nextOffset, damage };
      const head = headOf(batch, partition);
      if (head.lastOffset >= nextOffset) {
        const opened = openBatch(batch, head, readRecords, room);
        const first = Math.max(head.baseOffset, nextOffset);
        if (typeof opened === 'string') records.push(unopenedBatch(placeOf(batch, head, first, topic), batch, opened));
        else for (const record of opened) if (record.offset >= first) records.push(record);
        nextOffset = head.lastOffset + 1;
      }
      at = end;
    }
    return { records, nextOffset, damage: null };
  };
};

const damageOf = (batch: Buffer, where: string): AppError | null => {
  if (batch.length >= BATCH_HEADER_BYTES && batch[MAGIC_AT] !== MAGIC) {
    throw new AppError(
      'LOG_MISMATCH',
      `The record batch at ${where} has the format ${batch[MAGIC_AT]}: it was not written by this service.`,
    );
  }
  if (batch.length >= BATCH_HEADER_BYTES && batch.readUInt32BE(CHECKSUM_AT) === crc32c(batch, ATTRIBUTES_AT, batch.length)) return null;
  return new AppError('LOG_DAMAGED', `The record batch at ${where} does not match its checksum.`);
};

const headOf = (batch: Buffer, partition: number): BatchHead => {
  const baseOffset = Number(batch.readBigInt64BE(0));
  return {
    partition,
    baseOffset,
    lastOffset: baseOffset + Math.max(batch.readInt32BE(LAST_OFFSET_DELTA_AT), 0),
    baseTimestamp: Number(batch.readBigInt64BE(BASE_TIMESTAMP_AT)),
    appendTime: batch.readInt16BE(ATTRIBUTES_AT) & LOG_APPEND_TIME ? Number(batch.readBigInt64BE(MAX_TIMESTAMP_AT)) : null,
    count: batch.readInt32BE(COUNT_AT),
  };
};

const placeOf = (batch: Buffer, { partition, lastOffset }: BatchHead, offset: number, topic: string) => ({
  topic,
  partition,
  offset,
  lastOffset,
  timestamp: Number(batch.readBigInt64BE(MAX_TIMESTAMP_AT)),
});

/** A transaction's batches are never opened, whatever becomes of it: else what a record is would change with time. */
const openBatch = (batch: Buffer, head: BatchHead, readRecords: ReadBatchRecords, room: FetchRoom): LogRecord[] | UnopenedReason => {
  const attributes = batch.readInt16BE(ATTRIBUTES_AT);
  if (attributes & TRANSACTIONAL_OR_CONTROL) return 'TRANSACTIONAL';
  if (batch.length > BATCH_BYTES_MAX) return 'TOO_LARGE';
  const codec = attributes & CODEC_MASK;
  const unpacked = codec === 0 ? batch : decompress(batch.subarray(BATCH_HEADER_BYTES), codec);
  if (typeof unpacked === 'string') return unpacked;
  if (codec !== 0) room.unpackedBytes -= unpacked.length;
  const read = readRecords(unpacked, codec === 0 ? BATCH_HEADER_BYTES : 0, unpacked.length, head);
  if (typeof read === 'string') return read;
  room.parts -= read.parts;
  return read.records;
};
