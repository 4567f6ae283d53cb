// R9, R17: a mark fits the log that it was made from, as far as that goes, and no other.

import { describe, expect, it } from 'vitest';
import { fits, requireEvents, requireTopic } from '../../../../../shared/log/identity/compare-marks.ts';
import type { LogMark } from '../../../../../shared/log/identity/log-mismatch.ts';

const MARK: LogMark = { partition: 0, nextOffset: 5, topicId: 'this', lastEventId: 'e' };
const record = (id: string) => ({ headers: { ce_id: Buffer.from(id) }, value: null, timestamp: 0 });
const THIS = { id: 'this', high: 5, before: record('e') };

/** The same by the functions that say why. */
const isRefused = (mark: LogMark, { id, high, before }: typeof THIS | (Omit<typeof THIS, 'before'> & { before: undefined })): boolean => {
  try {
    requireTopic('It', 'orders', [mark], { id, endOf: () => high });
    if (mark.lastEventId !== null && mark.nextOffset > 0) requireEvents('It', 'orders', [mark], new Map(before ? [[0, before]] : []));
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: 'LOG_MISMATCH' });
    return true;
  }
};

describe('a mark', () => {
  it.each([
    ['of a log that ends where it was read to', MARK, THIS, true],
    ['of a log that has gone on', MARK, { ...THIS, high: 6 }, true],
    ['of a log that lost one record', MARK, { ...THIS, high: 4, before: undefined }, false],
    ['of a log with another record before it', MARK, { ...THIS, before: record('f') }, false],
    ['of a log without the record before it', MARK, { ...THIS, before: undefined }, false],
    ['of a topic that was made again, with the same records', MARK, { ...THIS, id: 'other' }, false],
    ['that names no topic', { ...MARK, topicId: null }, { ...THIS, id: 'other' }, true],
    ['that names no record', { ...MARK, lastEventId: null }, { ...THIS, before: record('f') }, true],
    ['of the beginning', { ...MARK, nextOffset: 0 }, { ...THIS, high: 0, before: undefined }, true],
  ] as const)('%s', (_, mark, log, expected) => {
    expect(fits(mark, log)).toBe(expected);
    expect(isRefused(mark, log)).toBe(!expected);
  });
});
