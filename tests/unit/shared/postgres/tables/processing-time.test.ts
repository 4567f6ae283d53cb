// The histogram of processing times: small, mergeable, and never more than 1 % off.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, durationOf, percentile } from '../../../../../shared/postgres/tables/processing-time.ts';

const ERROR_MAX = 0.01;
// From a millisecond to the 8,000 years that ce_time allows, evenly over the orders of magnitude.
const duration = fc.double({ min: 0, max: 48, noNaN: true }).map((log2) => Math.floor(2 ** log2));

const histogramOf = (durations: readonly number[]) => durations.map((ms) => ({ bucket: bucketOf(ms), count: 1 }));

describe('a bucket', () => {
  it('stands for its durations within 1 %', () => {
    fc.assert(
      fc.property(duration, (ms) => Math.abs(durationOf(bucketOf(ms)) - ms) <= ms * ERROR_MAX),
      { numRuns: 5_000 },
    );
  });

  it('comes in the order of the durations, without holes', () => {
    const steps = Array.from({ length: 100_000 }, (_, ms) => bucketOf(ms + 1) - bucketOf(ms));
    expect(new Set(steps)).toEqual(new Set([0, 1]));
  });

  it('is exact where 1 % is less than a millisecond', () => {
    for (let ms = 0; ms < 128; ms += 1) expect(durationOf(bucketOf(ms))).toBe(ms);
  });
});

describe('a percentile', () => {
  const sample = fc.array(duration, { minLength: 1, maxLength: 200 });
  const share = fc.constantFrom(0, 0.01, 0.5, 0.9, 0.95, 0.99, 1);

  it('is within 1 % of the nearest-rank percentile of the durations themselves', () => {
    fc.assert(
      fc.property(sample, share, (durations, q) => {
        const sorted = [...durations].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
        expect(Math.abs(percentile(histogramOf(durations), q)! - exact)).toBeLessThanOrEqual(exact * ERROR_MAX);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is the same from parts as from the whole', () => {
    fc.assert(
      fc.property(sample, sample, share, (some, others, q) => {
        expect(percentile([...histogramOf(some), ...histogramOf(others)], q)).toBe(percentile(histogramOf([...others, ...some]), q));
      }),
    );
  });

  it('of nothing is nothing', () => {
    expect(percentile([], 0.5)).toBeNull();
  });
});
