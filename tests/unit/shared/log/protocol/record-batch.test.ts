// tests/unit/shared/log/protocol/record-batch.test.ts: our record batches are Kafka's.
// What we write kafkajs reads, what it writes we read, and what we write we read back byte for byte. A real broker checks the checksum in
// tests/integration/log.

import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogRecord, RecordToAppend } from '../../../../../shared/log/log.ts';
import { newFetchRoom } from '../../../../../shared/log/protocol/batch-limits.ts';
import { crc32c } from '../../../../../shared/log/protocol/crc32c.ts';
import { exactHeadersOf } from '../../../../../shared/log/protocol/exact-headers.ts';
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

/** An object does not have all names in the order in which they were written. */
const listed = (record: LogRecord) => {
  const { headers: _, exactHeaders: __, ...rest } = record;
  return { ...rest, headers: exactHeadersOf(record) };
};

test('what was written is read back, with keys, values, headers and offsets', () => {
  fc.assert(
    fc.property(records, fc.nat(), (some, firstOffset) => {
      const decoded = createRecordDecoder('t')(encode(some, firstOffset), 3, firstOffset, newFetchRoom());
      expect(decoded.records.map(listed)).toEqual(some.map((one, index) => listed(asRead(one, firstOffset + index))));
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

test('the checksum is the same however long the bytes are, and wherever they begin', () => {
  const byBits = (some: Uint8Array): number => {
    let crc = 0xffffffff;
    for (const byte of some) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(20), (some, start) => {
      expect(crc32c(some, start, Math.max(some.length, start))).toBe(byBits(some.subarray(start)));
    }),
  );
});
