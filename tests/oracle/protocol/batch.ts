// tests/oracle/protocol/batch.ts: a record batch as the broker has it, taken apart once more from Kafka's documentation and docs/events.md.
// https://kafka.apache.org/documentation/#recordbatch

import { gunzipSync, zstdDecompressSync } from 'node:zlib';

export interface RawRecord {
  partition: number;
  offset: number;
  /** It does not stand in the partition of its key. */
  isMisplaced?: boolean;
  /** Of the last record for which this one stands: its own, unless it stands for a batch that is not to be opened. */
  lastOffset?: number;
  key: string | null;
  headers: Record<string, string>;
  value: string | null;
}

const CODECS: Record<number, (bytes: Buffer, options: { maxOutputLength: number }) => Buffer> = {
  0: (bytes) => bytes,
  1: gunzipSync,
  4: zstdDecompressSync,
};
const TRANSACTION_OR_MARKER = 0x30;
// What docs/limits.md says.
const BYTES_MAX = 8_000_000;
const PARTS_MAX = 300_000;

/** The partition that a key belongs to, by murmur2 as Kafka's own clients have it. */
export const partitionOf = (key: Buffer, partitions: number): number => {
  const M = 0x5bd1e995;
  const mixed = (word: number): number => {
    const once = Math.imul(word, M);
    return Math.imul(once ^ (once >>> 24), M);
  };
  let hash = 0x9747b28c ^ key.length;
  const whole = key.length - (key.length % 4);
  for (let at = 0; at < whole; at += 4) hash = Math.imul(hash, M) ^ mixed(key.readInt32LE(at));
  const rest = key.subarray(whole);
  if (rest.length > 0) hash = Math.imul(hash ^ rest.readUIntLE(0, rest.length), M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return ((hash ^ (hash >>> 15)) & 0x7fffffff) % partitions;
};

/** Where it was read: the partition, and how many its topic has. */
export interface Place {
  partition: number;
  partitions: number;
}

/** Its records; or, where it is not to be opened, one without key, value and headers that stands for all of them. */
export const recordsOf = (batch: Buffer, place: Place): RawRecord[] => {
  const { partition } = place;
  const first = Number(batch.readBigInt64BE(0));
  const lastOffset = first + batch.readInt32BE(23);
  const attributes = batch.readInt16BE(21);
  const unopened = [{ partition, offset: first, lastOffset, key: null, headers: {}, value: null }];
  const unpack = CODECS[attributes & 0x07];
  if (unpack === undefined || attributes & TRANSACTION_OR_MARKER) return unopened;
  let bytes: Buffer;
  try {
    bytes = unpack(batch.subarray(61), { maxOutputLength: BYTES_MAX });
  } catch {
    return unopened;
  }
  const { records, parts } = read(bytes, { ...place, first, count: batch.readInt32BE(57) });
  const inOrder = records.every(({ offset }, index) => offset === first + index);
  return inOrder && parts <= PARTS_MAX ? records : unopened;
};

const read = (bytes: Buffer, { partition, partitions, first, count }: Place & { first: number; count: number }) => {
  let at = 0;
  let parts = 0;
  const varint = (): number => {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(bytes[at++]!);
      result |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return Number((result >> 1n) ^ -(result & 1n));
    }
  };
  const sized = (): Buffer | null => {
    const length = varint();
    at += Math.max(length, 0);
    return length < 0 ? null : bytes.subarray(at - length, at);
  };
  const records: RawRecord[] = [];
  for (let index = 0; index < count && parts <= PARTS_MAX; index += 1) {
    varint(); // length
    at += 1; // attributes
    varint(); // time
    const offset = first + varint();
    const [key, value] = [sized(), sized()?.toString() ?? null];
    const isMisplaced = key !== null && partitionOf(key, partitions) !== partition;
    const headers: Record<string, string> = {};
    const named = varint();
    parts += 1 + named;
    if (parts > PARTS_MAX) break;
    // Of a name that comes twice the last one counts; no value is an empty one.
    for (let header = 0; header < named; header += 1) headers[sized()!.toString()] = sized()?.toString() ?? '';
    records.push({ partition, offset, isMisplaced, key: key?.toString() ?? null, headers, value });
  }
  return { records, parts };
};
