// What a rebuild writes.
// The ledger as the log makes it, and of the old one only what may still be on its way into the log.

import { describe, expect, it } from 'vitest';
import { type DecidedBefore, rebuiltLedger } from '../../../../processor/ledger/rebuild/rebuilt-ledger.ts';
import { createRefold, type Refold } from '../../../../processor/ledger/rebuild/refold.ts';
import { mayBeDuplicate } from '../../../../shared/order/late-duplicates.ts';
import type { ProductFact } from '../../../../shared/product/events.ts';
import { created, event, fact, T0 } from '../../../support/builders/order-events.ts';
import { productCreated, productEvent } from '../../../support/builders/product-events.ts';

const items = (quantity: number) => [{ product_id: 'lamp', quantity, unit_price_minor: null, stocked: true }];
const lines = (quantity: number) => [{ product_id: 'lamp', quantity }];
const held = (version: number, quantity: number) => ({ version, state: 'held' as const, lines: lines(quantity) });

/** Ten lamps: a has two, b has bought three, c waits, d was rejected. */
const folded = (): Refold => {
  const refold = createRefold();
  refold.takeProductEvent(0, 0, productCreated('lamp', 10));
  const events = [
    created('a', { items: items(2) }),
    created('b', { items: items(3) }),
    created('c', { items: items(4) }),
    created('d', { items: items(9) }),
    created('e'),
    event('OrderProcessing', 'a', { version: 2, data: { reserved: lines(2) } }),
    event('OrderProcessing', 'b', { version: 2, data: { reserved: lines(3) } }),
    fact('OrderCompleted', 'b', 3, 'processing'),
    fact('OrderRejected', 'd', 2, 'pending'),
    fact('OrderCancelled', 'a', 9, 'processing'), // void
  ];
  events.forEach((each, offset) => {
    refold.takeOrderEvent(0, offset, each);
  });
  return refold;
};
const NOTHING: DecidedBefore = { held: new Map(), outbox: [] };

describe('a rebuilt ledger', () => {
  it('has what the log says, and nothing of orders without stock', () => {
    const { products, reservations } = rebuiltLedger(folded(), NOTHING);
    expect(Object.fromEntries(reservations)).toEqual({
      a: held(1, 2),
      b: { version: 3, state: 'closed', lines: lines(3) },
      d: { version: 2, state: 'closed', lines: [] },
    });
    expect(products.get('lamp')).toMatchObject({ reserved: 2, sold: 3, unreadIn: 0, read: { version: 1 } });
    expect(folded().orderPartition(0, 10)).toMatchObject({ startOffset: 0 });
  });

  it('keeps what is held for an order that still has that version, if it is there', () => {
    const kept = (before: [string, ReturnType<typeof held>][]) => rebuiltLedger(folded(), { held: new Map(before), outbox: [] });
    expect(kept([['c', held(1, 4)]]).reservations.get('c')).toEqual(held(1, 4));
    expect(kept([['c', held(1, 4)]]).products.get('lamp')?.reserved).toBe(6);
    expect(kept([['c', held(2, 4)]]).reservations.has('c')).toBe(false); // the log has another version
    expect(kept([['b', held(1, 3)]]).products.get('lamp')).toMatchObject({ reserved: 2, sold: 3 }); // the log is ahead
    expect(kept([['c', held(1, 6)]]).reservations.has('c')).toBe(false);
  });

  it('keeps decisions whose answers are not in the log, and promises nobody what they put in', () => {
    const adjusted = productEvent('StockAdjusted', 'lamp', { version: 2, causationId: 'r1', data: { delta: 5 } }) as ProductFact;
    const outbox = [{ answer: { requestId: 'r1', commandHash: null, event: adjusted }, partition: 0 }];
    const { products, requests } = rebuiltLedger(folded(), { held: new Map(), outbox });
    expect(requests).toEqual([{ ...outbox[0], delivered: false }]);
    expect(products.get('lamp')).toMatchObject({ product: { putIn: 15, version: 2 }, read: { version: 1 }, unreadIn: 5 });

    const read = folded();
    read.takeProductEvent(0, 1, productEvent('StockAdjustmentRequested', 'lamp', { id: 'r1', data: { delta: 5 } }));
    read.takeProductEvent(0, 2, adjusted);
    const later = rebuiltLedger(read, { held: new Map(), outbox });
    expect(later.requests).toMatchObject([{ answer: { requestId: 'r1' }, delivered: true }]);
    expect(later.products.get('lamp')).toMatchObject({ product: { putIn: 15 }, read: { version: 2 }, unreadIn: 0 });
  });

  it('has the counts of a product that only orders know', () => {
    const refold = folded();
    refold.takeOrderEvent(0, 10, event('OrderProcessing', 'e', { version: 2, data: { reserved: [{ product_id: 'ghost', quantity: 7 }] } }));
    const { products, reservations } = rebuiltLedger(refold, NOTHING);
    expect(products.get('ghost')).toMatchObject({ product: null, read: null, reserved: 7, sold: 0 });
    expect(reservations.get('e')).toMatchObject({ state: 'held' });
  });

  it('finds creations that have a key again, delivered', () => {
    const read = folded();
    const keyed = productEvent('ProductCreated', 'q', { data: { command_hash: 'h' } });
    read.takeProductEvent(1, 0, keyed);
    read.takeProductEvent(1, 1, keyed);
    expect(rebuiltLedger(read, { held: new Map(), outbox: [] }).requests).toEqual([
      { answer: { requestId: keyed.id, commandHash: 'h', event: keyed }, partition: 1, delivered: true },
    ]);
  });

  it('lets an owner start at the oldest request that has no answer', () => {
    const refold = folded();
    refold.takeOrderEvent(1, 7, event('OrderCancellationRequested', 'gone', { id: 'r9' }));
    expect(refold.orderPartition(1, 20).startOffset).toBe(7);
    refold.takeOrderEvent(1, 8, event('OrderRequestRefused', 'gone', { causationId: 'r9' }));
    expect(refold.orderPartition(1, 20).startOffset).toBe(20);
  });

  it('leaves a log time at which every id as old as the newest order is looked up (R5)', () => {
    const refold = createRefold();
    expect(refold.orderPartition(0, 0).logTime).toBe(0);
    refold.takeOrderEvent(0, 3, created('x', {}, { time: T0 }));
    refold.takeOrderEvent(0, 4, event('OrderCancelled', 'x', { version: 2 }));
    const { startOffset, logTime } = refold.orderPartition(0, 5);
    expect(startOffset).toBe(5); // whoever starts here does not remember x
    expect(mayBeDuplicate(created('x', {}, { time: T0 }), logTime)).toBe(true);
    expect(mayBeDuplicate(created('y', {}, { time: T0 + 1 }), logTime)).toBe(false);
  });
});
