// Amounts: what is one, and that none is changed by going through minor units.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AMOUNT_MAX, fromMinor, isAmount, toMinor } from '../../../../shared/order/money.ts';

const minor = fc.integer({ min: 0, max: 999_999_999_999 });

describe('amounts', () => {
  it('takes every decimal with two places, as JSON has it, and gives the same back', () => {
    fc.assert(
      fc.property(minor, (cents) => {
        const text = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
        const amount = JSON.parse(text) as number;
        expect(isAmount(amount)).toBe(true);
        expect(toMinor(amount)).toBe(cents);
        expect(fromMinor(cents)).toBe(amount);
      }),
    );
  });

  it('refuses every decimal with a third place', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999_999 }), fc.integer({ min: 1, max: 9 }), (cents, third) => {
        expect(isAmount(Number(`${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}${third}`))).toBe(false);
      }),
    );
  });

  it('takes what a sum of cents in doubles makes, as the sum', () => {
    expect([34.650000000000006, 0.30000000000000004, 0.1 + 0.7].map(toMinor)).toEqual([3465, 30, 80]);
    expect(isAmount(34.650000000000006)).toBe(true);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9_999_999_999 }), { maxLength: 100 }), (cents) => {
        const sum = cents.reduce((total, each) => total + each / 100, 0);
        expect(isAmount(sum)).toBe(true);
        expect(toMinor(sum)).toBe(cents.reduce((total, each) => total + each, 0));
      }),
    );
  });

  it.each([34.65000001, 0.010000001, 1e-15, 9_999_999_999.985, 123_456_789.001])('takes nothing that is further off: %d', (value) => {
    expect(isAmount(value)).toBe(false);
  });

  it.each([-1, -0.01, 1e300, Number.MAX_SAFE_INTEGER, AMOUNT_MAX + 0.01, 0.001, 19.999, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses %d',
    (value) => {
      expect(isAmount(value)).toBe(false);
    },
  );

  it.each([0, 0.01, 19.99, 1.1, 4.35, 299.99, AMOUNT_MAX])('takes %d', (value) => {
    expect(isAmount(value)).toBe(true);
  });

  it('knows no negative zero', () => {
    expect(isAmount(-0)).toBe(true);
    expect(Object.is(toMinor(-0), 0)).toBe(true);
  });
});
