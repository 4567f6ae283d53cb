// What records of the topic `products` do to the ledger (R11).
// One decision per request, versions without holes, and stock that nobody is promised before its fact is in the log.

import { describe, expect, it } from 'vitest';
import {
  type LedgerProduct,
  type ProductMoves,
  type ProductState,
  takeProductEvents,
} from '../../../../processor/ledger/product-requests.ts';
import type { ProductEvent, ProductResult } from '../../../../shared/product/events.ts';
import { productCreated, productEvent } from '../../../support/builders/product-events.ts';

const stamp = { newId: () => 'new-id', now: () => 1_000 };

/** The ledger after each batch, as a transaction each. */
const ledger = () => {
  const products = new Map<string, LedgerProduct>();
  const decisions = new Map<string, { delivered: boolean; eventId: string }>();
  const take = (...events: ProductEvent[]): ProductMoves => {
    const moves = takeProductEvents({ products, decisions } satisfies ProductState, events, stamp);
    for (const [id, product] of moves.products) products.set(id, product);
    for (const { requestId, event } of moves.answers) decisions.set(requestId, { delivered: false, eventId: event.id });
    for (const id of moves.delivered) decisions.set(id, { delivered: true, eventId: decisions.get(id)!.eventId });
    return moves;
  };
  return { products, take };
};
const adjust = (id: string, delta: number) => productEvent('StockAdjustmentRequested', 'p', { id, data: { delta } });

describe('product requests', () => {
  it('get versions in a row, in the order of the log', () => {
    const { take, products } = ledger();
    const { answers } = take(productCreated('p', 5), adjust('r1', 2), adjust('r2', -3));
    expect(answers.map(({ requestId, event }) => [requestId, event.kind === 'fact' && event.version])).toEqual([
      ['r1', 2],
      ['r2', 3],
    ]);
    expect(products.get('p')).toMatchObject({ product: { version: 3, putIn: 4 }, readVersion: 1, unreadIn: 2 });
  });

  it('keep their decision when they come again, in the same batch or later', () => {
    const { take, products } = ledger();
    expect(take(productCreated('p', 5), adjust('r1', 2), adjust('r1', 2)).answers).toHaveLength(1);
    expect(take(adjust('r1', 2)).answers).toEqual([]);
    expect(products.get('p')?.product.version).toBe(2);
  });

  it('are answered with the product as the decision made it, so that a repetition can be told the same', () => {
    const { take, products } = ledger();
    const { answers } = take(productCreated('p', 5), adjust('r1', 2));
    products.set('p', { ...products.get('p')!, reserved: 3, sold: 1 });
    answers.push(...take(adjust('r2', -1)).answers);
    const results = answers.map(({ event }) => (event.data as { result: ProductResult }).result);
    expect(results).toMatchObject([
      { put_in: 7, reserved: 0, sold: 0 },
      { put_in: 6, reserved: 3, sold: 1 },
    ]);
  });

  it('leave the creation of a product that has a key to be told again, once, and no other', () => {
    const { take } = ledger();
    const keyed = productEvent('ProductCreated', 'q', { data: { command_hash: 'h' } });
    expect(take(productCreated('p', 5), keyed, keyed).creations).toEqual([keyed]);
  });

  it('count as delivered when their answer is read, and what it puts in may be promised from then on', () => {
    const { take, products } = ledger();
    const { answers } = take(productCreated('p', 5), adjust('r1', 2));
    expect(products.get('p')?.unreadIn).toBe(2);
    expect(take(answers[0]!.event).delivered).toEqual(['r1']);
    expect(products.get('p')).toMatchObject({ product: { putIn: 7 }, readVersion: 2, unreadIn: 0 });
    expect(take(answers[0]!.event).delivered).toEqual([]); // its copy is void
    expect(products.get('p')?.unreadIn).toBe(0);
  });

  it('are refused, and delivered as a refusal, when they ask for what reservations and sales do not leave', () => {
    const { take, products } = ledger();
    take(productCreated('p', 5));
    products.set('p', { ...products.get('p')!, reserved: 3, sold: 1 });
    const { answers } = take(adjust('r1', -2), adjust('r2', -1));
    expect(answers.map(({ event }) => [event.name, 'code' in event.data && event.data.code])).toEqual([
      ['ProductRequestRefused', 'STOCK_WOULD_BE_NEGATIVE'],
      ['StockAdjusted', false],
    ]);
    expect(take(answers[0]!.event).delivered).toEqual(['r1']);
    expect(take(adjust('r3', 0), productEvent('StockAdjustmentRequested', 'nobody', { id: 'r4' })).answers[1]?.event).toMatchObject({
      name: 'ProductRequestRefused',
      data: { code: 'PRODUCT_NOT_FOUND' },
    });
  });

  it('say so when the log has another fact in the place of one that was decided', () => {
    const { take } = ledger();
    take(productCreated('p', 5), adjust('r1', 2));
    expect(() => take(productEvent('StockAdjusted', 'p', { version: 2, causationId: 'r1', data: { delta: 9 } }))).toThrow(
      'rebuild the ledger',
    );
  });

  it('pass over facts that are out of their place, and a second ProductCreated', () => {
    const { take, products } = ledger();
    take(productCreated('p', 5), productCreated('p', 50), productEvent('StockAdjusted', 'p', { version: 3, data: { delta: 9 } }));
    expect(products.get('p')?.product).toMatchObject({ version: 1, putIn: 5 });
  });
});
