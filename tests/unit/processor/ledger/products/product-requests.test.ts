// What records of the topic `products` do to the ledger (R11).
// One decision per request, versions without holes, and stock that nobody is promised before its fact is in the log.

import { describe, expect, it } from 'vitest';
import type { StoredAnswer } from '../../../../../processor/ledger/products/product-answers.ts';
import {
  type LedgerProduct,
  overtaken,
  type ProductMoves,
  takeProductEvents,
} from '../../../../../processor/ledger/products/product-requests.ts';
import type { ProductEvent, ProductResult } from '../../../../../shared/product/events.ts';
import { productCreated, productEvent } from '../../../../support/builders/product-events.ts';

let ids = 0;
const stamp = () => ({ newId: () => `new-${++ids}`, now: () => 1_000 });

/** The ledger after each batch, as a transaction each. */
const ledger = () => {
  const products = new Map<string, LedgerProduct>();
  const requests = new Map<string, StoredAnswer>();
  const take = (...events: ProductEvent[]): ProductMoves => {
    const decisions = new Map(Array.from(requests, ([id, { answer, delivered }]) => [id, { delivered, eventId: answer.event.id }]));
    const behind = overtaken({ products, decisions }, events);
    const waiting = [...requests.values()].filter(({ delivered, answer }) => !delivered && behind.includes(answer.event.productId));
    const moves = takeProductEvents({ products, decisions, outbox: waiting.map(({ answer }) => answer) }, events, stamp());
    for (const [id, product] of moves.products) products.set(id, product);
    for (const stored of [...moves.added, ...moves.rewritten]) requests.set(stored.answer.requestId, stored);
    for (const id of moves.delivered) requests.set(id, { ...requests.get(id)!, delivered: true });
    return moves;
  };
  return { products, requests, take };
};
const adjust = (id: string, delta: number) => productEvent('StockAdjustmentRequested', 'p', { id, data: { delta } });

describe('product requests', () => {
  it('get versions in a row, in the order of the log', () => {
    const { take, products } = ledger();
    const { toAppend: answers } = take(productCreated('p', 5), adjust('r1', 2), adjust('r2', -3));
    expect(answers.map(({ requestId, event }) => [requestId, event.kind === 'fact' && event.version])).toEqual([
      ['r1', 2],
      ['r2', 3],
    ]);
    expect(products.get('p')).toMatchObject({ product: { version: 3, putIn: 4 }, read: { version: 1, putIn: 5 }, unreadIn: 2 });
  });

  it('keep their decision when they come again, in the same batch or later', () => {
    const { take, products } = ledger();
    expect(take(productCreated('p', 5), adjust('r1', 2), adjust('r1', 2)).toAppend).toHaveLength(1);
    expect(take(adjust('r1', 2)).toAppend).toEqual([]);
    expect(products.get('p')?.product?.version).toBe(2);
  });

  it('are answered with the product as the decision made it, so that a repetition can be told the same', () => {
    const { take, products } = ledger();
    const { toAppend: answers } = take(productCreated('p', 5), adjust('r1', 2));
    products.set('p', { ...products.get('p')!, reserved: 3, sold: 1 });
    answers.push(...take(adjust('r2', -1)).toAppend);
    const results = answers.map(({ event }) => (event.data as { result: ProductResult }).result);
    expect(results).toMatchObject([
      { put_in: 7, reserved: 0, sold: 0 },
      { put_in: 6, reserved: 3, sold: 1 },
    ]);
  });

  it('leave the creation of a product that has a key to be told again, once, and no other', () => {
    const { take } = ledger();
    const keyed = productEvent('ProductCreated', 'q', { data: { command_hash: 'h' } });
    const { added, toAppend } = take(productCreated('p', 5), keyed, keyed);
    expect(added).toEqual([{ answer: { requestId: keyed.id, commandHash: 'h', event: keyed }, delivered: true }]);
    expect(toAppend).toEqual([]);
  });

  it('count as delivered when their answer is read, and what it puts in may be promised from then on', () => {
    const { take, products } = ledger();
    const { toAppend: answers } = take(productCreated('p', 5), adjust('r1', 2));
    expect(products.get('p')?.unreadIn).toBe(2);
    expect(take(answers[0]!.event).delivered).toEqual(['r1']);
    expect(products.get('p')).toMatchObject({ product: { putIn: 7 }, read: { version: 2, putIn: 7 }, unreadIn: 0 });
    expect(take(answers[0]!.event).delivered).toEqual([]); // its copy is void
    expect(products.get('p')?.unreadIn).toBe(0);
  });

  it('are refused, and delivered as a refusal, when they ask for what reservations and sales do not leave', () => {
    const { take, products } = ledger();
    take(productCreated('p', 5));
    products.set('p', { ...products.get('p')!, reserved: 3, sold: 1 });
    const { toAppend: answers } = take(adjust('r1', -2), adjust('r2', -1));
    expect(answers.map(({ event }) => [event.name, 'code' in event.data && event.data.code])).toEqual([
      ['ProductRequestRefused', 'STOCK_WOULD_BE_NEGATIVE'],
      ['StockAdjusted', false],
    ]);
    expect(take(answers[0]!.event).delivered).toEqual(['r1']);
    expect(take(adjust('r3', 0), productEvent('StockAdjustmentRequested', 'nobody', { id: 'r4' })).toAppend[0]?.event).toMatchObject({
      name: 'ProductRequestRefused',
      data: { code: 'PRODUCT_NOT_FOUND' },
    });
  });

  describe('whose place another fact took in the log', () => {
    const foreign = (version: number, delta: number, causationId: string | null = null) =>
      productEvent('StockAdjusted', 'p', { version, causationId, data: { delta } });

    it('keep what they decided, in the next free place, and are appended again; those behind keep place and event', () => {
      const { take, products, requests } = ledger();
      const { toAppend: before } = take(productCreated('p', 5), adjust('r1', 2), adjust('r2', -3));
      const { toAppend: after } = take(foreign(2, 10));
      expect(after).toMatchObject([{ requestId: 'r1', event: { version: 4, data: { delta: 2, result: { put_in: 14 } } } }]);
      expect(products.get('p')).toMatchObject({ product: { version: 4, putIn: 14 }, read: { version: 2, putIn: 15 }, unreadIn: 2 });
      // Their first events are in the log by now: one is void, the other one counts.
      expect(take(...before.map(({ event }) => event))).toMatchObject({ delivered: ['r2'], toAppend: [] });
      expect(products.get('p')).toMatchObject({ product: { version: 4, putIn: 14 }, read: { version: 3, putIn: 12 }, unreadIn: 2 });
      take(after[0]!.event);
      expect([...requests.values()].every(({ delivered }) => delivered)).toBe(true);
      expect(products.get('p')).toMatchObject({ product: { version: 4, putIn: 14 }, read: { version: 4 }, unreadIn: 0 });
    });

    it('are not answered by a fact in the place of another one: theirs may be in the log any moment', () => {
      const { take, products, requests } = ledger();
      const { toAppend } = take(productCreated('p', 5), adjust('r1', 2), adjust('r2', 1));
      const { toAppend: after } = take(foreign(2, 10, 'r2'));
      expect(after).toMatchObject([{ requestId: 'r1', event: { version: 4 } }]);
      take(toAppend[1]!.event, after[0]!.event);
      expect([...requests.values()].every(({ delivered }) => delivered)).toBe(true);
      expect(products.get('p')).toMatchObject({ product: { version: 4, putIn: 18 }, read: { version: 4 }, unreadIn: 0 });
    });

    it('are answered by it, if it names their request: nothing is appended', () => {
      const { take, products, requests } = ledger();
      take(productCreated('p', 5), adjust('r1', 2));
      const theirs = foreign(2, 2, 'r1');
      expect(take(theirs)).toMatchObject({ toAppend: [] });
      expect(requests.get('r1')).toMatchObject({ delivered: true, answer: { event: theirs } });
      expect(products.get('p')).toMatchObject({ product: { version: 2, putIn: 7 }, read: { version: 2 }, unreadIn: 0 });
      expect(take(adjust('r1', 2)).toAppend).toEqual([]);
    });

    it('are decided on top of it within one batch, too', () => {
      const { take, products } = ledger();
      const { toAppend } = take(productCreated('p', 5), adjust('r1', 2), foreign(2, -4));
      expect(toAppend).toMatchObject([{ requestId: 'r1', event: { version: 3, data: { result: { put_in: 3 } } } }]);
      expect(products.get('p')).toMatchObject({ product: { version: 3, putIn: 3 }, read: { version: 2, putIn: 1 } });
    });

    it('leave the names of a product as its last applied facts say', () => {
      const { take, products } = ledger();
      take(
        productCreated('p', 5),
        productEvent('ProductUpdateRequested', 'p', { id: 'r1', data: { name: 'Ours', expected_version: null } }),
      );
      expect(products.get('p')).toMatchObject({ product: { name: 'Ours' }, read: { name: 'Lamp' } });
      take(foreign(2, 1, 'r1'));
      expect(products.get('p')).toMatchObject({ product: { name: 'Lamp', putIn: 6 }, read: { name: 'Lamp' } });
    });
  });

  it('keep the answer that was in the log before them', () => {
    const { take, requests } = ledger();
    const theirs = productEvent('StockAdjusted', 'p', { version: 2, causationId: 'r1', data: { delta: 2 } });
    take(productCreated('p', 5), theirs);
    expect(requests.get('r1')).toMatchObject({ delivered: true, answer: { event: theirs } });
    expect(take(adjust('r1', 2)).toAppend).toEqual([]);
  });

  it('fold more taken out than there is, when the log says so (R18), and put units in all the same', () => {
    const { take, products } = ledger();
    take(productCreated('p', 5), productEvent('StockAdjusted', 'p', { version: 2, data: { delta: -9 } }));
    expect(products.get('p')).toMatchObject({ product: { putIn: -4 } });
    expect(take(adjust('r1', 3)).toAppend).toMatchObject([{ event: { name: 'StockAdjusted', version: 3 } }]);
    expect(take(adjust('r2', -1)).toAppend).toMatchObject([{ event: { name: 'ProductRequestRefused' } }]);
  });

  it('find a product that only orders knew, with what they hold of it', () => {
    const { take, products } = ledger();
    products.set('p', { productId: 'p', product: null, read: null, unreadIn: 0, reserved: 2, sold: 1 });
    expect(take(adjust('r1', 3)).toAppend).toMatchObject([{ event: { data: { code: 'PRODUCT_NOT_FOUND' } } }]);
    take(productCreated('p', 5));
    expect(products.get('p')).toMatchObject({ product: { putIn: 5 }, reserved: 2, sold: 1 });
  });

  it('pass over facts that are out of their place, and a second ProductCreated', () => {
    const { take, products } = ledger();
    take(productCreated('p', 5), productCreated('p', 50), productEvent('StockAdjusted', 'p', { version: 3, data: { delta: 9 } }));
    expect(products.get('p')?.product).toMatchObject({ version: 1, putIn: 5 });
  });
});
