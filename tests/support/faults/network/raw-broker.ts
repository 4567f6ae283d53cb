// tests/support/faults/network/raw-broker.ts: record batches to and from a broker as bytes, over a socket of one's own.
// What no client library would send. Format: https://kafka.apache.org/documentation/#recordbatch

import { once } from 'node:events';
import { connect } from 'node:net';
import { parseAddress } from './fault-proxy.ts';
import { FETCH, PRODUCE, splitFrames } from './kafka-frames.ts';

export interface RawRecord {
  key: Buffer | null;
  value: Buffer | null;
  headers: readonly (readonly [string, Buffer])[];
}

export interface RawBroker {
  /** Appends a batch as it is; the broker gives it its offsets. Resolves with the first; rejects with the broker's error code. */
  append(topic: string, partition: number, batch: Buffer): Promise<number>;
  /** The batches of a partition from its beginning, as many as one answer of the broker holds. */
  batches(topic: string, partition: number): Promise<Buffer[]>;
  close(): void;
}

const FETCHED_BYTES_MAX = 4_000_000;

/** One connection; one request at a time. */
export const connectRaw = async (broker: string): Promise<RawBroker> => {
  const socket = connect(parseAddress(broker)).setNoDelay(true);
  let answered: (answer: Buffer) => void = () => {};
  let failed: (error: Error) => void = () => {};
  socket.on(
    'data',
    splitFrames((frame) => answered(frame)),
  );
  socket.on('error', (error) => failed(error));
  socket.on('close', () => failed(new Error('The broker closed the connection instead of answering.')));
  await once(socket, 'connect');

  const ask = (apiKey: number, apiVersion: number, body: Buffer): Promise<Buffer> => {
    const request = Buffer.concat([int16(apiKey), int16(apiVersion), int32(1), text('raw'), body]);
    return new Promise((resolve, reject) => {
      [answered, failed] = [resolve, reject];
      socket.write(Buffer.concat([int32(request.length), request]));
    });
  };
  const append: RawBroker['append'] = async (topic, partition, batch) => {
    const head = Buffer.concat([int16(-1), int16(-1), int32(8_000), int32(1), text(topic), int32(1), int32(partition)]);
    const answer = await ask(PRODUCE, 7, Buffer.concat([head, int32(batch.length), batch]));
    const at = 8 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4;
    const errorCode = answer.readInt16BE(at);
    if (errorCode !== 0) throw new Error(`The broker refuses the batch with error ${errorCode}.`);
    return Number(answer.readBigInt64BE(at + 2));
  };
  const batches: RawBroker['batches'] = async (topic, partition) => {
    const limits = Buffer.concat([int32(-1), int32(100), int32(1), int32(FETCHED_BYTES_MAX), Buffer.of(0), int32(0), int32(-1)]);
    const wanted = Buffer.concat([int32(partition), int32(-1), int64(0), int64(-1), int32(FETCHED_BYTES_MAX)]);
    const answer = await ask(FETCH, 11, Buffer.concat([limits, int32(1), text(topic), int32(1), wanted, int32(0), int16(0)]));
    let at = 8 + 4 + 2 + 4 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4;
    const errorCode = answer.readInt16BE(at);
    if (errorCode !== 0) throw new Error(`The broker answers the fetch with error ${errorCode}.`);
    at += 2 + 24;
    at += 4 + Math.max(answer.readInt32BE(at), 0) * 16 + 4;
    const records = answer.subarray(at + 4, at + 4 + Math.max(answer.readInt32BE(at), 0));
    const found: Buffer[] = [];
    for (let start = 0; start + 12 <= records.length; ) {
      const end = start + 12 + records.readInt32BE(start + 8);
      if (end > records.length) break;
      found.push(records.subarray(start, end));
      start = end;
    }
    return found;
  };
  return { append, batches, close: () => socket.destroy() };
};

const TIMESTAMP_TYPE = 0x08;

/** How many records are in it. */
export const recordsIn = (batch: Buffer): number => batch.readInt32BE(57);

/** A stored batch as a producer could have sent it: the same bytes, but for its offset and the mark that its time is the broker's. */
export const resendable = (stored: Buffer): Buffer => {
  const batch = Buffer.from(stored);
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt16BE(batch.readInt16BE(21) & ~TIMESTAMP_TYPE, 21);
  return sealed(batch);
};

/** The records of an uncompressed batch in a compressed one. */
export const compressed = (batch: Buffer, codec: keyof typeof CODECS, compress: (bytes: Buffer) => Buffer): Buffer => {
  const payload = compress(batch.subarray(61));
  const smaller = Buffer.concat([batch.subarray(0, 61), payload]);
  smaller.writeBigInt64BE(0n, 0);
  smaller.writeInt32BE(49 + payload.length, 8);
  smaller.writeInt16BE(CODECS[codec], 21);
  return sealed(smaller);
};

export const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3 } as const;

/** One batch, its records compressed by `compress`, if given, and marked with that codec. */
export const batchOf = (
  records: readonly RawRecord[],
  codec: keyof typeof CODECS = 'none',
  compress = (bytes: Buffer): Buffer => bytes,
): Buffer => {
  const payload = compress(Buffer.concat(records.map(encode)));
  const head = Buffer.alloc(61);
  head.writeInt32BE(49 + payload.length, 8);
  head.writeInt32BE(-1, 12);
  head.writeInt8(2, 16);
  head.writeInt16BE(CODECS[codec], 21);
  head.writeInt32BE(records.length - 1, 23);
  head.writeBigInt64BE(BigInt(Date.now()), 27);
  head.writeBigInt64BE(BigInt(Date.now()), 35);
  head.writeBigInt64BE(-1n, 43);
  head.writeInt16BE(-1, 51);
  head.writeInt32BE(-1, 53);
  head.writeInt32BE(records.length, 57);
  return sealed(Buffer.concat([head, payload]));
};

const encode = ({ key, value, headers }: RawRecord, offset: number): Buffer => {
  const named = headers.map(([name, bytes]) => Buffer.concat([sized(Buffer.from(name)), sized(bytes)]));
  const body = Buffer.concat([Buffer.of(0, 0), varint(offset), sized(key), sized(value), varint(headers.length), ...named]);
  return Buffer.concat([varint(body.length), body]);
};
const sized = (bytes: Buffer | null): Buffer => (bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]));

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
};

/** Raw Snappy and LZ4 that say "copied as it is", which is all that a broker needs in order to take them. */
export const asSnappy = (bytes: Buffer): Buffer => {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  const literal = Buffer.of(61 << 2, (bytes.length - 1) & 0xff, (bytes.length - 1) >>> 8); // a length of two bytes
  const block = Buffer.concat([Buffer.from([...length, rest]), literal, bytes]);
  const XERIAL = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  return Buffer.concat([XERIAL, int32(block.length), block]);
};
export const asLz4 = (bytes: Buffer): Buffer => {
  const FRAME = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]); // version 1, independent blocks of up to 64 KB
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length + 0x80000000); // not compressed
  return Buffer.concat([FRAME, size, bytes, Buffer.alloc(4)]);
};

const sealed = (batch: Buffer): Buffer => {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
};
const POLYNOMIAL = 0x82f63b78; // Castagnoli, reflected
const crc32c = (bytes: Buffer): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  }
  return ~crc >>> 0;
};

const int16 = (value: number): Buffer => {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
};
const int32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
};
const int64 = (value: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value));
  return buffer;
};
const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
