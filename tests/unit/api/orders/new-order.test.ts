// The normalised command: all ways to say the same order are the same, and nothing that was said is lost.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../../../api/http/problems.ts';
import { commandHash, newOrder as normalised, type OwnedBody } from '../../../../api/orders/new-order.ts';
import { createPricing } from '../../../../api/orders/pricing.ts';

const priceLines = createPricing({ priceOf: () => null, catalog: 'open' });
/** As a submission goes: normalised, then priced, here without a catalogue. */
const newOrder = (body: OwnedBody) => {
  const order = normalised(body);
  return { ...order, ...priceLines(order) };
};

const item = (product_id: string, quantity: number, unit_price_minor: number | null = null) => ({
  product_id,
  quantity,
  unit_price_minor,
  stocked: false,
});

const problemOf = (body: OwnedBody): Problem => {
  try {
    newOrder(body);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('was accepted');
};

describe('items', () => {
  it('are the same as an array, as text, as integers and spelled out', () => {
    const same: OwnedBody[] = [
      { user_id: 1, item_ids: ['5', '6', '5'], total_amount: 10 },
      { user_id: '1', item_ids: [5, 6, 5], total_amount: 10 },
      { user_id: 1, item_ids: ' 5, 6,5 ', total_amount: 10.0 },
      { user_id: 1, items: [{ product_id: 5, quantity: 2 }, { product_id: '6' }], total_amount: 10 },
      { user_id: 1, items: [{ product_id: 5 }, { product_id: 6 }, { product_id: 5 }], total_amount: 10 },
    ];
    for (const body of same) {
      expect(newOrder(body)).toEqual({ userId: '1', items: [item('5', 2), item('6', 1)], totalMinor: 1000 });
      expect(commandHash(newOrder(body))).toBe(commandHash(newOrder(same[0]!)));
    }
  });

  it('add up: the quantity of each product is the number of its mentions', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 100 }), (ids) => {
        const { items } = newOrder({ user_id: 1, item_ids: ids, total_amount: 1 });
        expect(items.map(({ product_id }) => product_id)).toEqual([...new Set(ids.map(String))]);
        for (const { product_id, quantity } of items) expect(quantity).toBe(ids.filter((id) => String(id) === product_id).length);
      }),
    );
  });

  it.each(['5,,6', ',5', '5,', ' ', ',', '5;6', '5,a b', `5,${'x'.repeat(65)}`])('refuses the text "%s"', (item_ids) => {
    expect(problemOf({ user_id: 1, item_ids, total_amount: 1 })).toMatchObject({
      code: 'VALIDATION_FAILED',
      extras: { errors: [{ path: '/item_ids' }] },
    });
  });

  it('refuses more than 100 ids in a text', () => {
    expect(newOrder({ user_id: 1, item_ids: Array(100).fill('5').join(','), total_amount: 1 }).items).toEqual([item('5', 100)]);
    expect(problemOf({ user_id: 1, item_ids: Array(101).fill('5').join(','), total_amount: 1 }).code).toBe('VALIDATION_FAILED');
  });

  it('keeps the limit on the quantity after adding up', () => {
    const body = (second: number): OwnedBody => ({
      user_id: 1,
      items: [
        { product_id: 5, quantity: 9_999 },
        { product_id: 5, quantity: second },
      ],
      total_amount: 1,
    });
    expect(newOrder(body(1)).items).toEqual([item('5', 10_000)]);
    expect(problemOf(body(2))).toMatchObject({ extras: { errors: [{ path: '/items/1' }] } });
  });

  it('refuses one product with two prices', () => {
    const body: OwnedBody = {
      user_id: 1,
      items: [
        { product_id: 5, unit_price: 1 },
        { product_id: '5', unit_price: 2 },
      ],
      total_amount: 3,
    };
    expect(problemOf(body).code).toBe('VALIDATION_FAILED');
  });

  it('takes exactly one of items and item_ids', () => {
    expect(problemOf({ user_id: 1, total_amount: 1 })).toMatchObject({
      code: 'VALIDATION_FAILED',
      extras: { errors: [{ path: '/items' }] },
    });
    expect(problemOf({ user_id: 1, items: [{ product_id: 1 }], item_ids: [1], total_amount: 1 }).code).toBe('VALIDATION_FAILED');
  });
});

describe('the total', () => {
  it('is required', () => {
    expect(problemOf({ user_id: 1, item_ids: [1] }).code).toBe('TOTAL_REQUIRED');
    expect(problemOf({ user_id: 1, items: [{ product_id: 1, unit_price: 2 }] }).code).toBe('TOTAL_REQUIRED');
  });

  it('is the sum, exactly, if every price is given', () => {
    const items = [
      { product_id: 1, quantity: 3, unit_price: 0.1 },
      { product_id: 2, unit_price: 0.2 },
    ];
    expect(newOrder({ user_id: 1, items, total_amount: 0.5 })).toMatchObject({
      items: [item('1', 3, 10), item('2', 1, 20)],
      totalMinor: 50,
    });
    expect(problemOf({ user_id: 1, items, total_amount: 0.51 }).code).toBe('TOTAL_MISMATCH');
  });

  it('is believed if a price is missing', () => {
    const items = [{ product_id: 1, unit_price: 5 }, { product_id: 2 }];
    expect(newOrder({ user_id: 1, items, total_amount: 1 }).totalMinor).toBe(100);
  });

  it('may be nothing', () => {
    expect(newOrder({ user_id: 1, item_ids: [1], total_amount: 0 }).totalMinor).toBe(0);
  });
});

describe('an order_id of the client', () => {
  it.each(['k_abc', 'metrics', 'populate', 'import', 'export', '.', '..'])('may not be %s', (order_id) => {
    expect(problemOf({ user_id: 1, order_id, item_ids: [1], total_amount: 1 })).toMatchObject({
      extras: { errors: [{ path: '/order_id' }] },
    });
  });

  it.each(['ORD003', 'K_abc', 'k-abc', 'metrics2', 'a'.repeat(64)])('may be %s', (order_id) => {
    expect(newOrder({ user_id: 1, order_id, item_ids: [1], total_amount: 1 }).userId).toBe('1');
  });
});

describe('the hash of a command', () => {
  const base: OwnedBody = { user_id: 1, items: [{ product_id: 5, unit_price: 1 }, { product_id: 6 }], total_amount: 10 };
  it.each<[string, OwnedBody]>([
    ['another user', { ...base, user_id: 2 }],
    ['another total', { ...base, total_amount: 10.01 }],
    [
      'another quantity',
      {
        ...base,
        items: [
          { product_id: 5, unit_price: 1 },
          { product_id: 6, quantity: 2 },
        ],
      },
    ],
    ['another price', { ...base, items: [{ product_id: 5, unit_price: 2 }, { product_id: 6 }] }],
    ['another order of items', { ...base, items: [{ product_id: 6 }, { product_id: 5, unit_price: 1 }] }],
  ])('tells %s', (_what, body) => {
    expect(commandHash(newOrder(body))).not.toBe(commandHash(newOrder(base)));
  });

  it('never changes: rows in the log have it', () => {
    expect(commandHash(newOrder(base))).toMatchInlineSnapshot(`"2KOsD0XtuYRzzCgdaAP3qjGMUS3-ymOqKUrPbj7ya14"`);
  });
});
