// Reading what a fetch brought.
// Whatever another program has written, a reader gets on: it is read, or one record stands for the whole batch, the same for every reader.

import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LogRecord, offsetAfter } from '../../../../../shared/log/log.ts';
import { newFetchRoom } from '../../../../../shared/log/protocol/batch-limits.ts';
import { exactHeadersOf } from '../../../../../shared/log/protocol/exact-headers.ts';
import { createRecordDecoder } from '../../../../../shared/log/protocol/record-decoder.ts';
import { asLz4, asSnappy, batchOf, bombOf, changed, compressed, type RawRecord } from '../../../../support/faults/network/raw-batches.ts';

const decodeWith = createRecordDecoder('t');
const decode = (bytes: Buffer, from: number, room = newFetchRoom()) => decodeWith(bytes, 3, from, room);

/** As the broker stores it: from this offset on. The checksum does not cover it. */
const at = (offset: number, batch: Buffer): Buffer => {
  const stored = Buffer.from(batch);
  stored.writeBigInt64BE(BigInt(offset), 0);
  return stored;
};
const record = (key: string, headers: RawRecord['headers'] = []): RawRecord => ({
  key: Buffer.from(key),
  value: Buffer.from('v'),
  headers,
});
const ten = Array.from({ length: 10 }, (_, index) => record(`k${index}`));
const keys = ({ records }: { records: LogRecord[] }) => records.map(({ key }) => String(key));

describe('batches', () => {
  test('that begin before the wanted offset are delivered from there', () => {
    const { records, nextOffset } = decode(at(100, batchOf(ten)), 104);
    expect(records.map(({ offset }) => offset)).toEqual([104, 105, 106, 107, 108, 109]);
    expect(nextOffset).toBe(110);
  });

  test('that are cut off at the end are left for the next fetch', () => {
    const both = Buffer.concat([batchOf(ten), at(10, batchOf(ten))]);
    const { records, nextOffset } = decode(both.subarray(0, both.length - 1), 0);
    expect([records.length, nextOffset]).toEqual([10, 10]);
  });

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('that other clients or the broker compressed with %s are read', (codec, pack) => {
    expect(keys(decode(at(5, compressed(batchOf(ten), codec, pack)), 5))).toEqual(ten.map(({ key }) => String(key)));
  });

  test('whose checksum is another one are not taken, nor what follows; what came before is', () => {
    const damaged = at(10, batchOf(ten));
    damaged[damaged.length - 1]! ^= 1;
    const { records, nextOffset, damage } = decode(Buffer.concat([batchOf(ten), damaged, at(20, batchOf(ten))]), 0);
    expect([records.length, nextOffset]).toEqual([10, 10]);
    expect(damage).toMatchObject({ code: 'LOG_DAMAGED', retryable: true, message: expect.stringContaining('t/3@10') });
  });

  test('of a format that only newer code knows stop the reader', () => {
    const newer = batchOf(ten);
    newer[16] = 3;
    expect(() => decode(newer, 0)).toThrow(expect.objectContaining({ code: 'LOG_MISMATCH' }));
  });
});

const withAttributes = (attributes: number) => changed(batchOf(ten), (batch) => batch.writeInt16BE(attributes, 21));
const said = (offset: number, change: number, bytes: (batch: Buffer) => void = () => {}) =>
  changed(batchOf(ten), (batch) => {
    batch.writeInt32BE(change, offset);
    bytes(batch);
  });
const manyParts = (count: number) => [
  record(
    'k',
    Array.from({ length: count }, () => ['', Buffer.alloc(0)] as const),
  ),
];

const several = (pack: (bytes: Buffer) => Buffer) => (bytes: Buffer) =>
  Buffer.concat([pack(bytes.subarray(0, 9)), pack(bytes.subarray(9))]);

const UNOPENED: readonly [what: string, reason: string, batch: () => Buffer | Promise<Buffer>][] = [
  ['a transaction', 'TRANSACTIONAL', () => withAttributes(0x10)],
  ['the marker of its end', 'TRANSACTIONAL', () => withAttributes(0x30)],
  ['a compressed transaction', 'TRANSACTIONAL', () => withAttributes(0x14)],
  ['Snappy', 'UNKNOWN_CODEC', () => batchOf(ten, 'snappy', asSnappy)],
  ['LZ4', 'UNKNOWN_CODEC', () => batchOf(ten, 'lz4', asLz4)],
  ['a codec that nobody has yet', 'UNKNOWN_CODEC', () => withAttributes(7)],
  ['100 MB of zeros in 3 KB of zstd', 'TOO_LARGE', () => bombOf(100, 'zstd')],
  ['100 MB of zeros in gzip', 'TOO_LARGE', () => bombOf(100, 'gzip')],
  ['a value that just does not fit', 'TOO_LARGE', () => batchOf([{ ...record('k'), value: Buffer.alloc(8_000_000) }], 'gzip', gzipSync)],
  ['as much without a codec', 'TOO_LARGE', () => batchOf([{ ...record('k'), value: Buffer.alloc(8_000_000) }])],
  ['more headers than fit', 'TOO_LARGE', () => batchOf(manyParts(300_000))],
  ['more records than fit', 'TOO_LARGE', () => said(57, 300_001)],
  ['no gzip', 'MALFORMED_BATCH', () => withAttributes(1)],
  ['no zstd', 'MALFORMED_BATCH', () => withAttributes(4)],
  ['zstd in several frames, of which Node reads the first', 'MALFORMED_BATCH', () => batchOf(ten, 'zstd', several(zstdCompressSync))],
  ['offsets that do not follow one another', 'MALFORMED_BATCH', () => batchOf(ten.map((each, index) => ({ ...each, delta: 9 - index })))],
  ['one offset for all', 'MALFORMED_BATCH', () => batchOf(ten.map((each) => ({ ...each, delta: 0 })))],
  ['an offset that is not in the batch', 'MALFORMED_BATCH', () => batchOf(ten.map((each, n) => (n === 9 ? { ...each, delta: 10 } : each)))],
  ['fewer records than it says', 'MALFORMED_BATCH', () => said(57, 11, (batch) => batch.writeInt32BE(10, 23))],
  ['more records than it says', 'MALFORMED_BATCH', () => said(57, 9, (batch) => batch.writeInt32BE(8, 23))],
  ['less than no records', 'MALFORMED_BATCH', () => said(57, -1)],
];

describe('a batch with', () => {
  test.each(UNOPENED)('%s is passed over as one record: %s', async (_, reason, make) => {
    const batch = at(20, await make());
    const [first, last] = [20, 20 + Math.max(batch.readInt32BE(23), 0)];
    const around = Buffer.concat([at(10, batchOf(ten)), batch, at(last + 1, batchOf(ten))]);
    const { records, nextOffset, damage } = decode(around, 10);
    expect([damage, nextOffset, records.length]).toEqual([null, last + 11, 21]);
    const one = records[10]!;
    expect(one).toMatchObject({ topic: 't', partition: 3, offset: first, key: null, unopened: { reason, lastOffset: last } });
    expect(offsetAfter(one)).toBe(last + 1);
    const headers = Object.fromEntries(Object.entries(one.headers).map(([name, value]) => [name, String(value)]));
    expect(headers).toEqual({
      batch_reason: reason,
      batch_last_offset: String(last),
      batch_bytes: String(batch.length),
      batch_sha256: createHash('sha256').update(batch).digest('hex'),
    });
    if (batch.length > 2_000_000) expect(one.value).toBeNull();
    else expect(one.value!.equals(batch)).toBe(true);
  });

  test.each(UNOPENED)('%s is the same for a reader that begins inside of it', async (_, reason, make) => {
    const batch = at(20, await make());
    const last = 20 + Math.max(batch.readInt32BE(23), 0);
    const { records, nextOffset } = decode(batch, last);
    expect(records).toEqual([expect.objectContaining({ offset: last, unopened: { reason, lastOffset: last } })]);
    expect(nextOffset).toBe(last + 1);
  });
});

test('any bytes in place of records are read, or passed over as one record', () => {
  const bytes = fc.uint8Array({ maxLength: 60 }).map((some) => Buffer.from(some));
  fc.assert(
    fc.property(bytes, fc.integer({ min: -2, max: 400_000 }), fc.constantFrom(0, 1, 4), (payload, count, codec) => {
      const batch = changed(
        batchOf([record('k')], 'none', () => payload),
        (head) => {
          head.writeInt32BE(count, 57);
          head.writeInt32BE(count - 1, 23);
          head.writeInt16BE(codec, 21);
        },
      );
      const { records, nextOffset } = decode(batch, 0);
      expect(nextOffset).toBe(Math.max(count, 1));
      if (records.length !== count) expect(records).toEqual([expect.objectContaining({ unopened: expect.anything() })]);
    }),
    { numRuns: 2_000 },
  );
});

describe('headers', () => {
  const headers: RawRecord['headers'] = [
    ['ce_id', Buffer.from('first')],
    ['empty', Buffer.alloc(0)],
    ['none', null],
    [Buffer.from([0xff, 0xfe]), Buffer.from('no text')],
    ['7', Buffer.from('an object would put it first')],
    ['ce_id', Buffer.from('last')],
  ];

  test('are kept byte for byte and in their order, also where they are repeated, are no text or have no value', () => {
    const [read] = decode(batchOf([record('k', headers)]), 0).records;
    expect(exactHeadersOf(read!)).toEqual(headers.map(([name, value]) => [Buffer.from(name as string), value]));
  });

  test('of one name are the last one to who asks for it, and nothing where there is no value', () => {
    const [read] = decode(batchOf([record('k', headers)]), 0).records;
    expect([String(read!.headers.ce_id), read!.headers.none]).toEqual(['last', Buffer.alloc(0)]);
  });

  test('of a record like ours are the object alone', () => {
    const [read] = decode(batchOf([record('k', [['ce_id', Buffer.from('x')]])]), 0).records;
    expect(read!.exactHeaders).toBeUndefined();
  });

  test('are found again in a record that comes after one with others', () => {
    const plain = record('k', [['ce_id', Buffer.from('x')]]);
    const { records } = decode(batchOf([plain, record('k', headers), plain]), 0);
    expect(records.map((read) => Object.keys(read.headers).length)).toEqual([1, 5, 1]);
  });
});

describe('one fetch', () => {
  test('brings no more than there is room for, and the next one goes on there', () => {
    const large = (offset: number) => at(offset, batchOf([{ ...record('k'), value: Buffer.alloc(7_000_000) }], 'zstd', zstdCompressSync));
    const five = Buffer.concat([0, 1, 2, 3, 4].map(large));
    const first = decode(five, 0);
    expect([first.records.length, first.nextOffset]).toEqual([3, 3]);
    expect(decode(five, first.nextOffset).records.map(({ offset }) => offset)).toEqual([3, 4]);
  });

  test('brings no more records and headers either', () => {
    const crowded = Buffer.concat([0, 1, 2, 3].map((offset) => at(offset, batchOf(manyParts(290_000)))));
    expect(decode(crowded, 0).nextOffset).toBe(3);
  });

  test('leaves out a partition for which nothing is left', () => {
    const room = { unpackedBytes: 0, parts: 1 };
    expect(decode(batchOf(ten), 0, room)).toEqual({ records: [], nextOffset: 0, damage: null });
  });
});
