// What an order costs, by what the catalogue knows of its items and what the client said.

import { describe, expect, it } from 'vitest';
import { Problem } from '../../../../api/http/problems.ts';
import { commandHash, newOrder } from '../../../../api/orders/new-order.ts';
import { createPricing } from '../../../../api/orders/pricing.ts';
import type { SubmissionBody } from '../../../../api/schemas/submission.ts';

const PRICES = new Map([
  ['lamp', 1999],
  ['desk', 10_000],
  ['yacht', 999_999_999_999],
]);
const pricing = (catalog: 'open' | 'closed') => createPricing({ priceOf: (id) => PRICES.get(id) ?? null, catalog });
const cost = (body: Omit<SubmissionBody, 'user_id'>, catalog: 'open' | 'closed' = 'open') => {
  try {
    return pricing(catalog)(newOrder({ user_id: 1, ...body }));
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
};
const lamps = (quantity: number, unit_price?: number) => ({
  product_id: 'lamp',
  quantity,
  ...(unit_price === undefined ? {} : { unit_price }),
});

describe('known items', () => {
  it('have our price, are stocked, and the total is ours', () => {
    expect(cost({ items: [lamps(3), { product_id: 'desk' }] })).toEqual({
      items: [
        { product_id: 'lamp', quantity: 3, unit_price_minor: 1999, stocked: true },
        { product_id: 'desk', quantity: 1, unit_price_minor: 10_000, stocked: true },
      ],
      totalMinor: 15_997,
    });
  });

  it('refuse another price or total, and take the same', () => {
    expect(cost({ items: [lamps(1, 19.98)] })).toBe('PRICE_MISMATCH');
    expect(cost({ items: [lamps(1)], total_amount: 20 })).toBe('TOTAL_MISMATCH');
    expect(cost({ items: [lamps(1, 19.99)], total_amount: 19.99 })).toMatchObject({ totalMinor: 1999 });
  });

  it('cost no more than an amount can be', () => {
    expect(cost({ items: [{ product_id: 'yacht', quantity: 2 }] })).toBe('VALIDATION_FAILED');
  });
});

describe('unknown items', () => {
  it('need a total, which is the sum if every price is given', () => {
    expect(cost({ items: [lamps(1), { product_id: 'x' }] })).toBe('TOTAL_REQUIRED');
    expect(cost({ items: [lamps(1), { product_id: 'x', unit_price: 1 }] })).toBe('TOTAL_REQUIRED');
    expect(cost({ items: [lamps(1), { product_id: 'x', unit_price: 1 }], total_amount: 20 })).toBe('TOTAL_MISMATCH');
    expect(cost({ items: [lamps(1), { product_id: 'x', unit_price: 1 }], total_amount: 20.99 })).toMatchObject({ totalMinor: 2099 });
    expect(cost({ items: [lamps(1), { product_id: 'x' }], total_amount: 5 })).toEqual({
      items: [
        { product_id: 'lamp', quantity: 1, unit_price_minor: 1999, stocked: true },
        { product_id: 'x', quantity: 1, unit_price_minor: null, stocked: false },
      ],
      totalMinor: 500,
    });
  });

  it('are refused by a closed catalogue', () => {
    expect(cost({ items: [lamps(1), { product_id: 'x', unit_price: 1 }], total_amount: 20.99 }, 'closed')).toBe('UNKNOWN_PRODUCT');
    expect(cost({ items: [lamps(2)] }, 'closed')).toMatchObject({ totalMinor: 3998 });
  });
});

describe('a repeated command', () => {
  it('is the same whatever the catalogue says by then', () => {
    const order = newOrder({ user_id: 1, items: [lamps(2)] });
    const before = commandHash(order);
    pricing('open')(order);
    PRICES.set('lamp', 2500);
    pricing('open')(order);
    expect(commandHash(order)).toBe(before);
    expect(order.items[0]).toMatchObject({ unit_price_minor: null, stocked: false });
    PRICES.set('lamp', 1999);
  });
});
