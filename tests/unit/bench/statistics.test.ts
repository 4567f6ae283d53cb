import { describe, expect, test } from 'vitest';
import { distribution, median, percentile, slope } from '../../../bench/measure/statistics.ts';

describe('statistics', () => {
  test('a percentile is the smallest value that the given share does not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.5)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });

  test('a distribution does not mind the order of its values', () => {
    expect(distribution([30, 4, 100, 2])).toEqual({ count: 4, p50: 4, p99: 100, max: 100 });
  });

  test('the median of an even number of values lies between the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([1, 10, 2, 4])).toBe(3);
  });

  test('the slope is that of the line through the points, whatever they scatter', () => {
    expect(slope([0, 1, 2, 3].map((x) => ({ x, y: 5 - 2 * x })))).toBeCloseTo(-2);
    expect(slope([0, 1, 2, 3].map((x) => ({ x, y: x % 3 === 0 ? 10 : 12 })))).toBeCloseTo(0);
    expect(slope([{ x: 1, y: 1 }])).toBe(0);
  });
});
