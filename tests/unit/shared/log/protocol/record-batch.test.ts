// tests/unit/shared/log/protocol/record-batch.test.ts: our record batches are Kafka's.
// What we write kafkajs reads, what it writes we read, and what we write we read back byte for byte. A real broker checks the checksum in
// tests/integration/log.

import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LogRecord, RecordToAppend } from '../../../../../shared/log/log.ts';
import { crc32c } from '../../../../../shared/log/protocol/crc32c.ts';
import { BATCH_HEADER_BYTES, recordBytesMax, writeRecordBatch } from '../../../../../shared/log/protocol/record-batch.ts';
import { createRecordDecoder } from '../../../../../shared/log/protocol/record-decoder.ts';

const requireKafkajs = createRequire(import.meta.url);
const TIMESTAMP = 1_795_000_000_123;

const text = fc.string({ unit: 'binary', maxLength: 100 });
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const headerName = fc.oneof(text, fc.constantFrom('ce_id', 'ce_time', '__proto__', '7'));
const records = fc.array(
  fc.record({
    topic: fc.constant('t'),
    key: fc.oneof(text, bytes, fc.constant(null)),
    value: fc.oneof(text, bytes, fc.constant(null), fc.string({ minLength: 9_000, maxLength: 9_001 })),
    headers: fc.dictionary(headerName, fc.oneof(text, bytes), { maxKeys: 80, noNullPrototype: true }),
  }),
  { minLength: 1, maxLength: 100 },
);

const encode = (some: readonly RecordToAppend[], firstOffset = 0): Buffer => {
  const buffer = Buffer.alloc(some.reduce((sum, one) => sum + recordBytesMax(one), BATCH_HEADER_BYTES));
  const end = writeRecordBatch(buffer, 0, some, TIMESTAMP);
  buffer.writeBigInt64BE(BigInt(firstOffset)); // as the broker does
  return buffer.subarray(0, end);
};
const asBytes = (part: string | Buffer | null) => (part === null ? null : Buffer.from(part as string));
const asRead = (record: RecordToAppend, offset: number): LogRecord => ({
  topic: 't',
  partition: 3,
  offset,
  timestamp: TIMESTAMP,
  key: asBytes(record.key),
  value: asBytes(record.value),
  headers: Object.fromEntries(Object.entries(record.headers).map(([name, value]) => [name, asBytes(value)!])),
});

test('what was written is read back, with keys, values, headers and offsets', () => {
  fc.assert(
    fc.property(records, fc.nat(), (some, firstOffset) => {
      const decoded = createRecordDecoder('t')(encode(some, firstOffset), 3, firstOffset);
      expect(decoded.records).toEqual(some.map((one, index) => asRead(one, firstOffset + index)));
      expect(decoded.nextOffset).toBe(firstOffset + some.length);
    }),
    { numRuns: 60 },
  );
});

test('kafkajs reads what we write', async () => {
  const Decoder = requireKafkajs('kafkajs/src/protocol/decoder');
  const readBatch = requireKafkajs('kafkajs/src/protocol/recordBatch/v0/decoder');
  await fc.assert(
    fc.asyncProperty(records, async (some) => {
      // kafkajs collects headers in an ordinary object: a name that every object has looks like a repeated header to it.
      fc.pre(some.every(({ headers }) => !Object.keys(headers).some((name) => name in Object.prototype)));
      const batch = await readBatch(new Decoder(encode(some)));
      const theirs = batch.records.map(({ key, value, headers }: LogRecord) => ({ key, value, headers: { ...headers } }));
      expect(theirs).toEqual(some.map((one, index) => asRead(one, index)).map(({ key, value, headers }) => ({ key, value, headers })));
    }),
    { numRuns: 30 },
  );
});

test('the checksum is CRC-32C and covers everything after it', () => {
  expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283); // the check value of the Castagnoli polynomial
  const batch = encode([{ topic: 't', key: 'k', value: 'v', headers: {} }]);
  expect(batch.readUInt32BE(17)).toBe(crc32c(batch, 21, batch.length));
});

describe('what a fetch may bring', () => {
  const ten = Array.from({ length: 10 }, (_, index) => ({ topic: 't', key: `k${index}`, value: 'v', headers: {} }));
  const decode = createRecordDecoder('t');

  test('a batch that begins before the wanted offset is delivered from there', () => {
    const { records: read, nextOffset } = decode(encode(ten, 100), 3, 104);
    expect(read.map(({ offset }) => offset)).toEqual([104, 105, 106, 107, 108, 109]);
    expect(nextOffset).toBe(110);
  });

  test('a batch that is cut off at the end is left for the next fetch', () => {
    const both = Buffer.concat([encode(ten, 0), encode(ten, 10)]);
    const { records: read, nextOffset } = decode(both.subarray(0, both.length - 1), 3, 0);
    expect([read.length, nextOffset]).toEqual([10, 10]);
  });

  test('a batch that another client compressed with gzip is read', () => {
    const plain = encode(ten, 5);
    const packed = gzipSync(plain.subarray(BATCH_HEADER_BYTES));
    const batch = Buffer.concat([plain.subarray(0, BATCH_HEADER_BYTES), packed]);
    batch.writeInt32BE(batch.length - 12, 8);
    batch.writeInt16BE(1, 21);
    expect(decode(batch, 3, 5).records.map(({ key }) => String(key))).toEqual(ten.map(({ key }) => key));
  });

  test.each([
    ['transactional', 0x10],
    ['control', 0x20],
    ['snappy-compressed', 2],
  ])('a %s batch is refused: nobody but this service writes here', (_, attributes) => {
    const batch = encode(ten);
    batch.writeInt16BE(attributes, 21);
    expect(() => decode(batch, 3, 0)).toThrow(expect.objectContaining({ code: 'LOG_MISMATCH' }));
  });
});
