// Dead letters read back.
// Whatever was set aside comes out as it was, and a mark is told from a letter.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { durationMs, wholeNumber } from '../../../../../ops/cli/options.ts';
import type { DeadLetterReason } from '../../../../../shared/log/codec/envelope.ts';
import { createDeadLetters } from '../../../../../shared/log/dead-letters/dead-letters.ts';
import { originalOf, readLetter, redrivenMark } from '../../../../../shared/log/dead-letters/redriven-letters.ts';
import type { LogRecord, RecordToAppend } from '../../../../../shared/log/log.ts';
import { headersFrom } from '../../../../../shared/log/protocol/exact-headers.ts';
import { unopenedBatch } from '../../../../../shared/log/protocol/unopened-batch.ts';
import { headersOf } from '../../../../support/in-memory/log.ts';

const LETTERS = 'orders.dead-letter';
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
// Also the names of a letter's own headers, names that are no text, repeated ones, and no value.
const headerName = fc.oneof(
  bytes,
  fc.constantFrom('ce_id', 'dl_topic', 'dl_offset', 'dl_value_omitted', 'dl_redriven', '7').map(Buffer.from),
);
const foreign: fc.Arbitrary<LogRecord> = fc
  .record({
    topic: fc.constantFrom('orders', 'products'),
    partition: fc.nat(11),
    offset: fc.nat(),
    timestamp: fc.nat(),
    key: fc.option(bytes),
    value: fc.option(bytes),
    list: fc.array(fc.tuple(headerName, fc.option(bytes))),
  })
  .map(({ list, ...rest }) => ({ ...rest, ...headersFrom(list) }));

/** As a reader would deliver what was appended. */
const asRead = (record: RecordToAppend, offset: number): LogRecord => ({
  topic: record.topic,
  partition: record.partition ?? 0,
  offset,
  timestamp: 0,
  key: record.key === null ? null : Buffer.from(record.key),
  value: record.value === null ? null : Buffer.from(record.value),
  ...headersOf(record),
});

const letterOf = async (record: LogRecord, reason: DeadLetterReason = 'MALFORMED_JSON'): Promise<LogRecord> => {
  const appended: RecordToAppend[] = [];
  const appender = {
    append: async (letter: RecordToAppend) => {
      appended.push(letter);
      return { topic: LETTERS, partition: 0, offset: 0 };
    },
  };
  await createDeadLetters(appender, LETTERS).append(record, reason);
  return asRead(appended[0]!, 0);
};

it('gives back any record as it was, for where it was', async () => {
  await fc.assert(
    fc.asyncProperty(foreign, async (record) => {
      const letter = await letterOf(record);
      const read = readLetter(letter);
      if (read === null || !('letter' in read)) throw new Error('not read as a letter');
      const { topic, partition, offset, value } = record;
      const said = { origin: { topic, partition, offset }, reason: 'MALFORMED_JSON', bytes: value?.length ?? 0, isOmitted: false };
      expect(read.letter).toMatchObject(said);
      expect(asRead(originalOf(letter, read.letter.origin), offset)).toEqual({ ...record, timestamp: 0 });
    }),
  );
});

it('tells a mark from a letter, even of a record that looks like a mark', async () => {
  const origin = { topic: 'orders', partition: 3, offset: 17 };
  const letter = await letterOf({ ...origin, timestamp: 0, key: null, value: null, headers: { dl_redriven: Buffer.from('x') } });
  expect(readLetter(letter)).toMatchObject({ letter: { origin } });
  const mark = asRead(redrivenMark(letter, origin, { topic: 'orders', partition: 3, offset: 99 }), 1);
  expect(readLetter(mark)).toEqual({ redriven: origin });
  expect(mark.headers.dl_redriven!.toString()).toBe('orders/3@99');
});

it('says of a batch that was not opened that its value is one', async () => {
  const at = { topic: 'orders', partition: 3, offset: 17, timestamp: 0, lastOffset: 20 };
  const batch = unopenedBatch(at, Buffer.from('a batch'), 'UNKNOWN_CODEC');
  expect(readLetter(await letterOf(batch, 'UNKNOWN_CODEC'))).toMatchObject({
    letter: { reason: 'UNKNOWN_CODEC', isBatch: true, bytes: 7 },
  });
  expect(readLetter(await letterOf(batch, 'MALFORMED_JSON'))).toMatchObject({ letter: { isBatch: false } });
});

it('takes a record that is neither for nothing', () => {
  const foreign = asRead({ topic: LETTERS, key: 'k', value: 'v', headers: { dl_topic: 'orders', dl_partition: 'x', dl_offset: '1' } }, 0);
  expect(readLetter(foreign)).toBeNull();
  expect(readLetter({ ...foreign, headers: {} })).toBeNull();
});

it('reads durations and numbers of the command line, and refuses what is none', () => {
  expect(['90s', '15m', '1h', '2d'].map(durationMs)).toEqual([90_000, 900_000, 3_600_000, 172_800_000]);
  for (const wrong of ['', '1', 'h', '-1h', '1.5h', '1w', '1h ']) expect(() => durationMs(wrong), wrong).toThrow();
  expect(wholeNumber('17')).toBe(17);
  for (const wrong of ['', '-1', '1.5', 'x', '1e3']) expect(() => wholeNumber(wrong), wrong).toThrow();
});
