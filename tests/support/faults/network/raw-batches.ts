// tests/support/faults/network/raw-batches.ts: record batches as bytes, also such as no client library would write.
// Format: https://kafka.apache.org/documentation/#recordbatch

import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGzip, createZstdCompress } from 'node:zlib';

export interface RawRecord {
  key: Buffer | null;
  value: Buffer | null;
  headers: readonly (readonly [name: string | Buffer, value: Buffer | null])[];
  /** Its offset within the batch, where that is not its place in it. */
  delta?: number;
}

const HEAD_BYTES = 61;
const TIMESTAMP_TYPE = 0x08;

/** How many records are in it. */
export const recordsIn = (batch: Buffer): number => batch.readInt32BE(57);

/** A stored batch as a producer could have sent it: the same bytes, but for its offset and the mark that its time is the broker's. */
export const resendable = (stored: Buffer): Buffer =>
  changed(stored, (batch) => {
    batch.writeBigInt64BE(0n, 0);
    batch.writeInt16BE(batch.readInt16BE(21) & ~TIMESTAMP_TYPE, 21);
  });

/** The records of an uncompressed batch in a compressed one. */
export const compressed = (batch: Buffer, codec: keyof typeof CODECS, compress: (bytes: Buffer) => Buffer): Buffer => {
  const payload = compress(batch.subarray(HEAD_BYTES));
  return changed(Buffer.concat([batch.subarray(0, HEAD_BYTES), payload]), (smaller) => {
    smaller.writeBigInt64BE(0n, 0);
    smaller.writeInt32BE(49 + payload.length, 8);
    smaller.writeInt16BE(CODECS[codec], 21);
  });
};

export const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

/** One batch, its records compressed by `compress`, if given, and marked with that codec. */
export const batchOf = (
  records: readonly RawRecord[],
  codec: keyof typeof CODECS = 'none',
  compress = (bytes: Buffer): Buffer => bytes,
): Buffer => {
  const payload = compress(Buffer.concat(records.map(encode)));
  const head = Buffer.alloc(HEAD_BYTES);
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

/** A copy with another head, and the checksum that goes with it. */
export const changed = (batch: Buffer, change: (batch: Buffer) => void): Buffer => {
  const copy = Buffer.from(batch);
  change(copy);
  return sealed(copy);
};

const encode = ({ key, value, headers, delta }: RawRecord, index: number): Buffer => {
  const named = headers.map(([name, bytes]) => Buffer.concat([sized(Buffer.from(name as string)), sized(bytes)]));
  const body = Buffer.concat([Buffer.of(0, 0), varint(delta ?? index), sized(key), sized(value), varint(headers.length), ...named]);
  return Buffer.concat([varint(body.length), body]);
};
const sized = (bytes: Buffer | null): Buffer => (bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes]));

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
};

/** A batch with one record, whose value is this many zeros. They never stand in memory as a whole. */
export const bombOf = async (megabytes: number, codec: 'gzip' | 'zstd'): Promise<Buffer> => {
  const zeros = Buffer.alloc(1_000_000);
  const front = Buffer.concat([Buffer.of(0, 0), varint(0), varint(-1), varint(zeros.length * megabytes)]);
  const back = varint(0); // headers
  const pieces = function* () {
    yield Buffer.concat([varint(front.length + zeros.length * megabytes + back.length), front]);
    for (let n = 0; n < megabytes; n += 1) yield zeros;
    yield back;
  };
  const packed = await buffer(Readable.from(pieces()).pipe(codec === 'gzip' ? createGzip() : createZstdCompress()));
  return batchOf([{ key: null, value: null, headers: [] }], codec, () => packed);
};

/** Raw Snappy and LZ4 that say "copied as it is", which is all that a broker needs in order to take them. */
export const asSnappy = (bytes: Buffer): Buffer => {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  const literal = Buffer.of(61 << 2, (bytes.length - 1) & 0xff, (bytes.length - 1) >>> 8); // a length of two bytes
  const block = Buffer.concat([Buffer.from([...length, rest]), literal, bytes]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(block.length);
  const XERIAL = Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  return Buffer.concat([XERIAL, size, block]);
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
