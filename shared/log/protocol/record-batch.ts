// shared/log/protocol/record-batch.ts: Kafka's record batch (magic 2), written and read straight from and into our own
// shapes. kafkajs does the same through some fifteen small buffers per record: 28 µs to write one and 12 µs to read one,
// against 3 and 3 here (docs/decisions). Format: https://kafka.apache.org/documentation/#recordbatch
//
//   0 baseOffset int64 · 8 length int32 · 12 leaderEpoch int32 · 16 magic int8 · 17 crc uint32 · 21 attributes int16
//   23 lastOffsetDelta int32 · 27 baseTimestamp int64 · 35 maxTimestamp int64 · 43 producerId int64 · 51 epoch int16
//   53 baseSequence int32 · 57 count int32 · 61 records: length, attributes, timestampDelta, offsetDelta, key, value, headers

import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { AppError } from '../../runtime/app-error.ts';
import type { LogRecord, RecordToAppend } from '../log.ts';
import { crc32c } from './crc32c.ts';

export const BATCH_HEADER_BYTES = 61;
const BATCH_PREFIX_BYTES = 12; // base offset and length, which the length does not count
const CRC_START = 21;
const MAGIC = 2;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL_OR_CONTROL = 0x30;
const ASCII_MAX = 0x7f;
const ONE_BYTE_LENGTH_MAX = 63; // longer lengths take two bytes once zigzag-encoded
const VARINT_BYTES_MAX = 5;
const HEADER_NAMES_REMEMBERED = 32; // our records have at most 13

const byteLength = (bytes: string | Buffer | null): number =>
  bytes === null ? 0 : typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;

/** At most this many bytes are written for the record: within a few of the truth, so that it can be checked against limits. */
export const recordBytesMax = (record: RecordToAppend): number => {
  let bytes = 5 * VARINT_BYTES_MAX + 1 + byteLength(record.key) + byteLength(record.value);
  for (const name in record.headers) bytes += 2 * 3 + byteLength(name) + byteLength(record.headers[name]!);
  return bytes;
};

/** Writes one batch of at least one record at `start` and returns where it ends. All records carry `timestamp` (epoch ms). */
export const writeRecordBatch = (into: Buffer, start: number, records: readonly RecordToAppend[], timestamp: number): number => {
  let at = start + BATCH_HEADER_BYTES;
  for (let index = 0; index < records.length; index++) at = writeRecord(into, at, records[index]!, index);
  into.writeBigInt64BE(0n, start);
  into.writeInt32BE(at - start - BATCH_PREFIX_BYTES, start + 8);
  into.writeInt32BE(-1, start + 12);
  into.writeInt8(MAGIC, start + 16);
  into.writeInt16BE(0, start + CRC_START);
  into.writeInt32BE(records.length - 1, start + 23);
  into.writeBigInt64BE(BigInt(timestamp), start + 27);
  into.writeBigInt64BE(BigInt(timestamp), start + 35);
  into.writeBigInt64BE(-1n, start + 43); // no producer id, epoch or sequence: never idempotent mode
  into.writeInt16BE(-1, start + 51);
  into.writeInt32BE(-1, start + 53);
  into.writeInt32BE(records.length, start + 57);
  into.writeUInt32BE(crc32c(into, start + CRC_START, at), start + 17);
  return at;
};

// The length comes first and is only known afterwards: two bytes are kept free for it, and the body moves if they were not right.
const writeRecord = (into: Buffer, start: number, record: RecordToAppend, offsetDelta: number): number => {
  const body = start + 2;
  into[body] = 0; // attributes: unused
  into[body + 1] = 0; // timestamp delta
  let at = writeVarint(into, body + 2, offsetDelta);
  at = writeBytes(into, at, record.key);
  at = writeBytes(into, at, record.value);
  const countAt = at;
  let count = 0;
  at++;
  for (const name in record.headers) {
    at = writeText(into, at, name);
    at = writeBytes(into, at, record.headers[name]!);
    count++;
  }
  if (count > ONE_BYTE_LENGTH_MAX) {
    const size = varintBytes(count);
    into.copyWithin(countAt + size, countAt + 1, at);
    at += size - 1;
  }
  writeVarint(into, countAt, count);
  const length = at - body;
  const size = varintBytes(length);
  if (size !== 2) {
    into.copyWithin(start + size, body, at);
    at += size - 2;
  }
  writeVarint(into, start, length);
  return at;
};

const writeBytes = (into: Buffer, at: number, bytes: string | Buffer | null): number => {
  if (typeof bytes === 'string') return writeText(into, at, bytes);
  const next = writeVarint(into, at, bytes === null ? -1 : bytes.length);
  if (bytes === null) return next;
  into.set(bytes, next);
  return next + bytes.length;
};

// Short ASCII text, which nearly all keys and headers are, is faster to copy here than through a call into V8's encoder.
const writeText = (into: Buffer, at: number, text: string): number => {
  const length = text.length;
  if (length <= ONE_BYTE_LENGTH_MAX) {
    let index = 0;
    for (; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > ASCII_MAX) break;
      into[at + 1 + index] = code;
    }
    if (index === length) {
      into[at] = length << 1;
      return at + 1 + length;
    }
  }
  const next = writeVarint(into, at, Buffer.byteLength(text));
  return next + into.write(text, next, 'utf8');
};

const writeVarint = (into: Buffer, start: number, value: number): number => {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = start;
  while (rest > 0x7f) {
    into[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
};

const varintBytes = (value: number): number => {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let bytes = 1;
  while (rest > 0x7f) {
    bytes++;
    rest >>>= 7;
  }
  return bytes;
};

export interface Decoded {
  records: LogRecord[];
  /** The offset after the last complete batch, or the one asked for if there was none. */
  nextOffset: number;
}

/** Reads record sets of one topic. Values, keys and headers are views of the buffer that is passed in: they keep all of it alive. */
export type RecordDecoder = (buffer: Buffer, partition: number, fromOffset: number) => Decoded;

/**
 * Decodes what a fetch brought for one partition: records from `fromOffset` on; a batch cut off at the end, as brokers send
 * it, is left for the next fetch. Throws LOG_MISMATCH for what never belongs in our topics (transactions, unknown codecs).
 */
export const createRecordDecoder = (topic: string): RecordDecoder => {
  const headerName = createNameMemory();

  const readRecords = (buffer: Buffer, start: number, batch: BatchHead, fromOffset: number, records: LogRecord[]): void => {
    let at = start;
    const readVarint = (): number => {
      let byte = buffer[at++]!;
      let result = byte & 0x7f;
      for (let factor = 128; byte > 0x7f; factor *= 128) {
        byte = buffer[at++]!;
        result += (byte & 0x7f) * factor; // not a shift: timestamp deltas may exceed 32 bits
      }
      return result % 2 === 0 ? result / 2 : -(result + 1) / 2;
    };
    const readBytes = (): Buffer | null => {
      const length = readVarint();
      if (length < 0) return null;
      at += length;
      return buffer.subarray(at - length, at);
    };
    for (let index = 0; index < batch.count; index++) {
      const length = readVarint();
      const end = at + length;
      at++; // attributes
      const timestamp = batch.baseTimestamp + readVarint();
      const offset = batch.baseOffset + readVarint();
      if (offset < fromOffset) {
        at = end;
        continue;
      }
      const key = readBytes();
      const value = readBytes();
      const headers: Record<string, Buffer> = {};
      const count = readVarint();
      for (let header = 0; header < count; header++) {
        const nameLength = readVarint();
        const name = headerName(buffer, at, nameLength, header);
        at += nameLength;
        setHeader(headers, name, readBytes() ?? Buffer.alloc(0));
      }
      records.push({ topic, partition: batch.partition, offset, timestamp: batch.appendTime ?? timestamp, key, value, headers });
      at = end;
    }
  };

  return (buffer, partition, fromOffset) => {
    const records: LogRecord[] = [];
    let nextOffset = fromOffset;
    for (let at = 0; at + BATCH_HEADER_BYTES <= buffer.length; ) {
      const end = at + BATCH_PREFIX_BYTES + buffer.readInt32BE(at + 8);
      if (end > buffer.length) break;
      const baseOffset = Number(buffer.readBigInt64BE(at));
      const attributes = buffer.readInt16BE(at + CRC_START);
      refuseForeign(buffer, at, attributes, `${topic}/${partition}@${baseOffset}`);
      const batch: BatchHead = {
        partition,
        baseOffset,
        baseTimestamp: Number(buffer.readBigInt64BE(at + 27)),
        appendTime: attributes & LOG_APPEND_TIME ? Number(buffer.readBigInt64BE(at + 35)) : null,
        count: buffer.readInt32BE(at + 57),
      };
      const codec = attributes & CODEC_MASK;
      if (codec === 0) readRecords(buffer, at + BATCH_HEADER_BYTES, batch, fromOffset, records);
      else readRecords(CODECS[codec]!(buffer.subarray(at + BATCH_HEADER_BYTES, end)), 0, batch, fromOffset, records);
      nextOffset = Math.max(nextOffset, baseOffset + buffer.readInt32BE(at + 23) + 1);
      at = end;
    }
    return { records, nextOffset };
  };
};

interface BatchHead {
  partition: number;
  baseOffset: number;
  baseTimestamp: number;
  appendTime: number | null;
  count: number;
}

// We never compress (it costs throughput at our batch sizes); these two come with Node, for what other clients may write.
const CODECS: Record<number, (bytes: Buffer) => Buffer> = { 1: gunzipSync, 4: zstdDecompressSync };

const refuseForeign = (buffer: Buffer, at: number, attributes: number, where: string): void => {
  const refuse = (what: string) => new AppError('LOG_MISMATCH', `The record batch at ${where} ${what}: it was not written by this service.`);
  if (buffer[at + 16] !== MAGIC) throw refuse('has an old format');
  if (attributes & TRANSACTIONAL_OR_CONTROL) throw refuse('belongs to a transaction');
  const codec = attributes & CODEC_MASK;
  if (codec !== 0 && !CODECS[codec]) throw refuse('is compressed with a codec that cannot be read');
};

// `__proto__` as the name of a header must stay a name.
const setHeader = (headers: Record<string, Buffer>, name: string, value: Buffer): void => {
  if (name === '__proto__') Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
  else headers[name] = value;
};

// Records of one topic have the same headers in the same places: the name found there last is nearly always the right one.
const createNameMemory = () => {
  const remembered: { bytes: Buffer; text: string }[] = [];
  return (buffer: Buffer, at: number, length: number, place: number): string => {
    const last = remembered[place];
    if (last !== undefined && last.bytes.length === length) {
      let index = 0;
      while (index < length && buffer[at + index] === last.bytes[index]) index++;
      if (index === length) return last.text;
    }
    const bytes = Buffer.from(buffer.subarray(at, at + length));
    const text = bytes.toString('utf8');
    if (place < HEADER_NAMES_REMEMBERED) remembered[place] = { bytes, text };
    return text;
  };
};
