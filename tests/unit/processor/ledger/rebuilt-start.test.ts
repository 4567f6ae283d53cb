// Where owners start after a rebuild, and what the old ledger had read that the log has no more.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ledgerLoss, ledgerLossNotAccepted, type ReadBefore } from '../../../../processor/ledger/rebuild/ledger-loss.ts';
import { rebuiltStart, rebuiltStarts } from '../../../../processor/ledger/rebuild/rebuilt-start.ts';
import { createRefold } from '../../../../processor/ledger/rebuild/refold.ts';
import { created, event } from '../../../support/builders/order-events.ts';
import { productCreated } from '../../../support/builders/product-events.ts';

describe('the start after a rebuild', () => {
  const offset = fc.nat(1_000);

  it('never lies beyond the end of the log', () => {
    fc.assert(
      fc.property(offset, offset, offset, fc.boolean(), (one, other, copy, isWhole) => {
        const [needed, end] = [Math.min(one, other), Math.max(one, other)];
        expect(rebuiltStart({ needed, copy, end, isWhole })).toBeLessThanOrEqual(end);
      }),
    );
  });

  it('is not below the copy of a whole log, which would look like a restored database', () => {
    expect(rebuiltStart({ needed: 3, copy: 7, end: 9, isWhole: true })).toBe(7);
    expect(rebuiltStart({ needed: 7, copy: 3, end: 9, isWhole: true })).toBe(7);
  });

  it('is what the fold needs where the copy is of a log that has lost something', () => {
    expect(rebuiltStart({ needed: 3, copy: 10, end: 9, isWhole: true })).toBe(3);
    expect(rebuiltStart({ needed: 3, copy: 7, end: 9, isWhole: false })).toBe(3); // it has grown past the copy since
  });

  it('is chosen by partition: what Kafka has noted of a partition that was made from another log is about other offsets', () => {
    const refold = createRefold();
    refold.takeOrderEvent(0, 1, event('OrderCancellationRequested', 'nobody'));
    refold.takeOrderEvent(1, 1, event('OrderCancellationRequested', 'nobody'));
    const copy = { offset: 5, stamp: null };
    const starts = rebuiltStarts({
      topics: { orders: 'orders', products: 'products' },
      to: {
        orders: new Map([
          [0, 9],
          [1, 9],
        ]),
        products: new Map(),
      },
      refold,
      copies: new Map([
        [
          'orders',
          new Map([
            [0, copy],
            [1, copy],
          ]),
        ],
      ]),
      isWhole: (_, partition) => partition === 1,
    });
    expect(starts.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 1], // below it stands a request without an answer
      [1, 5],
    ]);
  });
});

describe('what the old ledger has read', () => {
  const items = [{ product_id: 'lamp', quantity: 1, unit_price_minor: null, stocked: true }];
  const refold = createRefold();
  refold.takeProductEvent(0, 0, productCreated('lamp', 10));
  refold.takeOrderEvent(0, 0, created('a', { items }));
  const IN_THE_LOG: ReadBefore = {
    products: [{ product_id: 'lamp', read_version: 1 }],
    answered: [],
    reservations: ['a'],
    starts: [{ topic: 'orders', partition: 0, offset: 1 }],
  };
  const lossOf = (more: Partial<ReadBefore>) => ledgerLoss({ ...IN_THE_LOG, ...more }, refold, (topic) => (topic === 'orders' ? 1 : 0));

  it('is no loss where the log has it', () => {
    expect(lossOf({})).toBeNull();
  });

  it('is a loss where the log has it no more: products, facts of products, reservations, answers', () => {
    const nothing = { products: 0, reservations: 0, answers: 0, records: 0 };
    expect(lossOf({ products: [{ product_id: 'other', read_version: 1 }] })).toEqual({ ...nothing, products: 1 });
    expect(lossOf({ products: [{ product_id: 'lamp', read_version: 2 }] })).toEqual({ ...nothing, products: 1 });
    expect(lossOf({ reservations: ['a', 'b', 'c'] })).toEqual({ ...nothing, reservations: 2 });
    expect(lossOf({ answered: ['r'] })).toEqual({ ...nothing, answers: 1 });
  });

  it('is a loss where an owner starts beyond the end, by the ledger or by its copy in Kafka', () => {
    const starts = [
      { topic: 'orders', partition: 0, offset: 47 },
      { topic: 'orders', partition: 0, offset: 40 },
      { topic: 'products', partition: 2, offset: 3 },
    ];
    const loss = lossOf({ starts });
    expect(loss).toMatchObject({ records: 46 + 3 });
    expect(ledgerLossNotAccepted(loss!, 'ledger')).toMatchObject({
      code: 'LOSS_NOT_ACCEPTED',
      message: expect.stringContaining('Processors have read at least 49 records beyond where the log ends now.'),
    });
  });
});
