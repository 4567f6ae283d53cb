// Which records a set of digests takes for one, and how many it takes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDigestSet, type RecordBytes, sameRecord } from '../../../../projector/restore/digest-set.ts';

const record = (key: string | null, headers: string, value: string | null): RecordBytes => ({
  key: key === null ? null : Buffer.from(key),
  headers: Buffer.from(headers),
  value: value === null ? null : Buffer.from(value),
});

describe('a set of digests', () => {
  it('has what was added, and nothing else, however many there are', () => {
    const set = createDigestSet();
    const number = (n: number) => record(`k${n}`, 'h', `v${n}`);
    for (let n = 0; n < 10_000; n += 1) set.add(number(n));
    for (let n = 0; n < 10_000; n += 1) expect(set.has(number(n))).toBe(true);
    for (let n = 10_000; n < 20_000; n += 1) expect(set.has(number(n))).toBe(false);
  });

  it('tells records apart wherever their bytes lie, and nothing from no bytes', () => {
    const text = fc.option(fc.stringMatching(/^[ab]{0,3}$/));
    fc.assert(
      fc.property(text, fc.stringMatching(/^[ab]{0,3}$/), text, text, fc.stringMatching(/^[ab]{0,3}$/), text, (k, h, v, k2, h2, v2) => {
        const [one, other] = [record(k, h, v), record(k2, h2, v2)];
        const set = createDigestSet();
        set.add(one);
        const isSame = k === k2 && h === h2 && v === v2;
        expect(set.has(other)).toBe(isSame);
        expect(sameRecord(one, other)).toBe(isSame);
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes no more than it may remember, copies aside', () => {
    const set = createDigestSet(2);
    for (const key of ['a', 'b', 'a', 'b']) set.add(record(key, '', null));
    expect(() => set.add(record('c', '', null))).toThrow(expect.objectContaining({ code: 'RESTORE_TOO_LARGE' }));
  });
});
