// shared/log/protocol/record-decoder.ts: reads the record batches that a fetch brought (their layout is in record-batch.ts).

import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { AppError } from '../../runtime/app-error.ts';
import type { LogRecord } from '../log.ts';
import { ATTRIBUTES_AT, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, MAGIC } from './record-batch.ts';

const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL_OR_CONTROL = 0x30;
const HEADER_NAMES_REMEMBERED = 32; // our records have at most 13

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
      const attributes = buffer.readInt16BE(at + ATTRIBUTES_AT);
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
  const refuse = (what: string) =>
    new AppError('LOG_MISMATCH', `The record batch at ${where} ${what}: it was not written by this service.`);
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
