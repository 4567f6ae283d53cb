// Dead letters read back.
// Whatever was set aside comes out as it was, and a mark is told from a letter.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { durationMs, wholeNumber } from '../../../../../ops/cli/options.ts';
import { createDeadLetters } from '../../../../../shared/log/dead-letters/dead-letters.ts';
import { originalOf, readLetter, redrivenMark } from '../../../../../shared/log/dead-letters/redriven-letters.ts';
import type { LogRecord, RecordToAppend } from '../../../../../shared/log/log.ts';

const LETTERS = 'orders.dead-letter';
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const foreign: fc.Arbitrary<LogRecord> = fc.record({
  topic: fc.constantFrom('orders', 'products'),
  partition: fc.nat(11),
  offset: fc.nat(),
  timestamp: fc.nat(),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(fc.stringMatching(/^[a-z_-]{1,12}$/), bytes).map((headers) => ({ ...headers })),
});

/** As a reader would deliver what was appended. */
const asRead = ({ topic, partition = 0, key, value, headers }: RecordToAppend, offset: number): LogRecord => ({
  topic,
  partition,
  offset,
  timestamp: 0,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
});

const letterOf = async (record: LogRecord): Promise<LogRecord> => {
  const appended: RecordToAppend[] = [];
  const appender = {
    append: async (letter: RecordToAppend) => {
      appended.push(letter);
      return { topic: LETTERS, partition: 0, offset: 0 };
    },
  };
  await createDeadLetters(appender, LETTERS).append(record, 'MALFORMED_JSON');
  return asRead(appended[0]!, 0);
};

it('gives back any record as it was, for where it was', async () => {
  await fc.assert(
    fc.asyncProperty(foreign, async (record) => {
      const letter = await letterOf(record);
      const read = readLetter(letter);
      if (read === null || !('letter' in read)) throw new Error('not read as a letter');
      const { topic, partition, offset, key, value, headers } = record;
      expect(read.letter).toMatchObject({ origin: { topic, partition, offset }, reason: 'MALFORMED_JSON', bytes: value?.length ?? 0 });
      expect(originalOf(letter, read.letter.origin)).toEqual({ topic, partition, key, value, headers });
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
