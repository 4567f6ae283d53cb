// tests/integration/processor/ledger-contract.ts: what every ledger promises. Runs on PostgreSQL, and on the ledger in memory that the
// simulations trust in its place.

import { beforeEach, describe, expect, it } from 'vitest';
import type { Ledger, StockStep } from '../../../processor/ledger/ledger.ts';
import { evolve, type Order } from '../../../shared/order/order.ts';
import { created } from '../../support/builders/order-events.ts';
import { productCreated, productEvent } from '../../support/builders/product-events.ts';

export interface LedgerUnderTest {
  /** A ledger as another process has it: of the same tables. */
  process: () => Ledger;
  setComplete: (complete: boolean) => Promise<void>;
  /** Takes back what was committed since; the mark that says so is gone with it. */
  backup: () => Promise<() => Promise<void>>;
  /** As a rebuild leaves it, which found what is there. */
  repaired: () => Promise<void>;
  counts: (productId: string) => Promise<{ put_in: number; reserved: number; sold: number } | undefined>;
}

const NOTHING_COMMITTED = new Map();
const step = (orderId: string, what: StockStep['do'], quantity = 0, partition = 0): StockStep => ({
  partition,
  orderId,
  version: what === 'decide' || what === 'hold' ? 1 : 3,
  do: what,
  lines: quantity === 0 ? [] : [{ product_id: 'lamp', quantity }],
});

export const ledgerContract = (name: string, open: () => Promise<LedgerUnderTest>): void => {
  describe(`the ledger contract, ${name}`, () => {
    let under: LedgerUnderTest;
    let ledger: Ledger;
    const lamps = productCreated('lamp', 10);

    beforeEach(async () => {
      under = await open();
      ledger = under.process();
      await ledger.claim('orders', [0, 1], NOTHING_COMMITTED);
      await ledger.claim('products', [0], NOTHING_COMMITTED);
      await ledger.takeProductEvents({ topic: 'products', partition: 0 }, [lamps], { offset: 1, note: null });
    });

    it('reserves, sells and gives back, and knows all of it at the next call', async () => {
      expect(await ledger.moveStock('orders', [step('a', 'decide', 4), step('b', 'decide', 4, 1), step('c', 'decide', 4)])).toEqual([
        'reserved',
        'reserved',
        'out-of-stock',
      ]);
      expect(await under.counts('lamp')).toEqual({ put_in: 10, reserved: 8, sold: 0 });
      expect(await ledger.moveStock('orders', [step('a', 'sell'), step('b', 'release', 0, 1), step('c', 'release')])).toEqual([
        'done',
        'done',
        'done',
      ]);
      expect(await under.counts('lamp')).toEqual({ put_in: 10, reserved: 0, sold: 4 });
      const again = [step('a', 'decide', 1), step('b', 'decide', 1, 1), step('c', 'decide', 1), step('d', 'decide', 6)];
      expect(await ledger.moveStock('orders', again)).toEqual(['closed', 'closed', 'closed', 'reserved']);
    });

    it('writes nothing for a partition that another process has claimed, and nothing of the whole call (R8)', async () => {
      const other = under.process();
      expect(await other.claim('orders', [1], NOTHING_COMMITTED)).toMatchObject({ ok: true });
      const lost = ledger.moveStock('orders', [step('a', 'decide', 4), step('b', 'decide', 4, 1)]);
      await expect(lost).rejects.toMatchObject({ code: 'LEDGER_FENCED', partitions: [{ topic: 'orders', partition: 1 }] });
      await expect(ledger.moveStarts('orders', new Map([[1, { offset: 5, note: null }]]))).rejects.toMatchObject({ code: 'LEDGER_FENCED' });
      await expect(ledger.confirm('orders', [0, 1])).rejects.toMatchObject({ code: 'LEDGER_FENCED' });
      expect(await under.counts('lamp')).toEqual({ put_in: 10, reserved: 0, sold: 0 });
      expect(await ledger.moveStock('orders', [step('a', 'decide', 4)])).toEqual(['reserved']);
      expect(await other.moveStock('orders', [step('b', 'decide', 4, 1)])).toEqual(['reserved']);
    });

    it('lets a successor start where its predecessor left, with its note', async () => {
      await ledger.moveStarts('orders', new Map([[1, { offset: 7, note: 'logtime=5' }]]));
      expect(await under.process().claim('orders', [0, 1], new Map([['orders', new Map([[1, { offset: 7, stamp: null }]])]]))).toEqual({
        ok: true,
        starts: new Map([
          [0, { offset: 0, note: null, mark: null, carried: [] }],
          [1, { offset: 7, note: 'logtime=5', mark: null, carried: [] }],
        ]),
      });
      const products = await under.process().claim('products', [0], NOTHING_COMMITTED);
      expect(products).toMatchObject({ starts: new Map([[0, { offset: 1, note: null, mark: null, carried: [] }]]) });
    });

    it('hands the orders on that a start has passed, as they were stored last, until they are dropped (R12)', async () => {
      const orders = new Map<string, Order>(['a', 'b'].map((id) => [id, evolve(null, created(id)).order!]));
      const carried = (id: string, version: number) => ({
        order: { ...orders.get(id)!, version },
        createdOffset: id === 'a' ? 3 : 2,
        asOf: 5 + version,
        usesStock: false,
      });
      const successor = async () => {
        const claim = await under.process().claim('orders', [0, 1], NOTHING_COMMITTED);
        return claim.ok ? [claim.starts.get(0)!.carried, claim.starts.get(1)!.carried] : [];
      };
      await ledger.moveStarts('orders', new Map([[0, { offset: 7, note: null, store: [carried('a', 1), carried('b', 1)], drop: [] }]]));
      await ledger.moveStarts('orders', new Map([[0, { offset: 9, note: null, store: [carried('a', 2)], drop: [] }]]));
      expect(await successor()).toEqual([[carried('b', 1), carried('a', 2)], []]);
      const late = ledger.moveStarts('orders', new Map([[0, { offset: 11, note: null, store: [], drop: ['a', 'b'] }]]));
      await expect(late).rejects.toMatchObject({ code: 'LEDGER_FENCED' });
      expect(await successor()).toEqual([[carried('b', 1), carried('a', 2)], []]);

      const owner = under.process();
      await owner.claim('orders', [0], NOTHING_COMMITTED);
      await owner.moveStarts('orders', new Map([[0, { offset: 11, note: null, store: [], drop: ['a'] }]]));
      expect(await successor()).toEqual([[carried('b', 1)], []]);
    });

    it('refuses owners while it is not complete (R8)', async () => {
      await under.setComplete(false);
      expect(await under.process().claim('orders', [0], NOTHING_COMMITTED)).toEqual({ ok: false, reason: 'incomplete' });
      expect(await ledger.moveStock('orders', [step('a', 'decide', 4)])).toEqual(['reserved']); // refused: nobody was fenced off
    });

    it('keeps from which log it follows, and up to where, which never goes back (R17)', async () => {
      const mark = (nextOffset: number) => ({ nextOffset, topicId: 'topic', lastEventId: `e-${nextOffset}` });
      const kept = async () => {
        const claim = await under.process().claim('orders', [1], NOTHING_COMMITTED);
        return claim.ok ? claim.starts.get(1)!.mark : null;
      };
      await ledger.moveStarts('orders', new Map([[1, { offset: 2, note: null, mark: mark(5) }]]));
      await ledger.moveStock('orders', [step('a', 'decide', 1, 1)], new Map([[1, mark(9)]]));
      await ledger.moveStarts('orders', new Map([[1, { offset: 3, note: null, mark: mark(7) }]])); // a successor reads again from the start
      expect(await kept()).toEqual(mark(9));
      const where = { topic: 'products', partition: 0 };
      await ledger.takeProductEvents(where, [], { offset: 4, note: null, mark: mark(4) });
      const products = await under.process().claim('products', [0], NOTHING_COMMITTED);
      expect(products).toMatchObject({ starts: new Map([[0, { offset: 4, mark: mark(4) }]]) });
    });

    describe('whose database has lost commits (R17)', () => {
      const wentBack = { ok: false, reason: 'went-back' };
      const nobodyGoesOn = async (): Promise<void> => {
        for (const owner of [ledger, under.process()]) {
          expect(await owner.claim('orders', [0], NOTHING_COMMITTED)).toEqual(wentBack);
        }
        await expect(ledger.moveStock('orders', [step('z', 'decide', 1)])).rejects.toMatchObject({ code: 'LEDGER_FENCED' });
        await under.repaired();
        expect(await under.process().claim('orders', [0], NOTHING_COMMITTED)).toMatchObject({ ok: true });
      };

      it('refuses owners when a start offset lies below its copy', async () => {
        const committed = new Map([['products', new Map([[0, { offset: 2, stamp: null }]])]]);
        expect(await under.process().claim('orders', [0], committed)).toEqual(wentBack);
        await nobodyGoesOn(); // also those who do not know the copy, because it has expired
      });

      it('refuses owners when a stamp lies below its copy, though no start has moved', async () => {
        const takeBack = await under.backup();
        await ledger.moveStock('orders', [step('a', 'decide', 4, 1)]);
        const copy = { offset: 0, stamp: ledger.stampOf({ topic: 'orders', partition: 1 }) };
        const committed = new Map([['orders', new Map([[1, copy]])]]);
        expect(await under.process().claim('orders', [0], committed)).toMatchObject({ ok: true });
        await takeBack();
        expect(await under.process().claim('orders', [0], committed)).toEqual(wentBack);
        await nobodyGoesOn();
      });

      it('is found out by an owner whose commit is lost, and nothing of its change happens', async () => {
        const takeBack = await under.backup();
        await ledger.moveStock('orders', [step('a', 'decide', 4)]);
        await takeBack();
        await expect(ledger.moveStock('orders', [step('b', 'decide', 4)])).rejects.toMatchObject({ code: 'LEDGER_WENT_BACK' });
        expect(await under.counts('lamp')).toMatchObject({ reserved: 0 });
        await nobodyGoesOn();
      });

      it('is found out by an owner that has nothing to write, and looks', async () => {
        const where = { topic: 'products', partition: 0 };
        const takeBack = await under.backup();
        await ledger.takeProductEvents(where, [], { offset: 2, note: null });
        await ledger.confirm('products', [0]);
        await takeBack();
        await expect(ledger.confirm('products', [0])).rejects.toMatchObject({ code: 'LEDGER_WENT_BACK' });
        await nobodyGoesOn();
      });

      it('is found out by an owner whose claim is lost, though what it left looks like a claim', async () => {
        const takeBack = await under.backup();
        const owner = under.process();
        await owner.claim('orders', [1], NOTHING_COMMITTED);
        await takeBack();
        await expect(ledger.takeProductEvents({ topic: 'products', partition: 0 }, [], { offset: 2, note: null })).resolves.toBeTruthy();
        await expect(owner.moveStock('orders', [step('b', 'decide', 4, 1)])).rejects.toMatchObject({ code: 'LEDGER_WENT_BACK' });
        await nobodyGoesOn();
      });

      it('is found out by the log: an order is in processing for which nothing is reserved', async () => {
        await expect(ledger.moveStock('orders', [{ ...step('a', 'hold', 4), takingOver: true }])).rejects.toMatchObject({
          code: 'LEDGER_WENT_BACK',
        });
        expect(await under.counts('lamp')).toMatchObject({ reserved: 0 });
        await nobodyGoesOn();
      });

      it('is not suspected where all is well', async () => {
        await ledger.moveStock('orders', [step('a', 'decide', 4)]);
        const copy = { offset: 0, stamp: ledger.stampOf({ topic: 'orders', partition: 0 }) };
        expect(await ledger.moveStock('orders', [step('a', 'hold', 4)])).toEqual(['done']);
        await ledger.moveStock('orders', [step('a', 'sell')]);
        expect(await ledger.moveStock('orders', [{ ...step('a', 'hold', 4), takingOver: true }])).toEqual(['done']);
        expect(await under.process().claim('orders', [0], new Map([['orders', new Map([[0, copy]])]]))).toMatchObject({ ok: true });
      });
    });

    it('keeps decisions until their answers are read, and promises what they put in only then (R11)', async () => {
      const where = { topic: 'products', partition: 0 };
      const request = productEvent('StockAdjustmentRequested', 'lamp', { id: 'r1', data: { delta: 5, command_hash: 'h' } });
      const { answers } = await ledger.takeProductEvents(where, [request], { offset: 2, note: null });
      expect(answers).toMatchObject([
        { requestId: 'r1', commandHash: 'h', event: { name: 'StockAdjusted', version: 2, causationId: 'r1' } },
      ]);
      expect(await under.process().undeliveredAnswers(0)).toEqual(answers);
      expect(await under.counts('lamp')).toMatchObject({ put_in: 15 });
      expect(await ledger.moveStock('orders', [step('a', 'decide', 12)])).toEqual(['wait']);

      expect(await ledger.takeProductEvents(where, [request, answers[0]!.event], { offset: 4, note: null })).toMatchObject({
        answers: [],
        delivered: ['r1'],
      });
      expect(await ledger.undeliveredAnswers(0)).toEqual([]);
      expect(await ledger.moveStock('orders', [step('b', 'decide', 12)])).toEqual(['reserved']);
    });

    const products = { topic: 'products', partition: 0 };

    it('writes what the log says of stock that is not there, and of a product that it does not know yet (R18)', async () => {
      const lines = [
        { product_id: 'ghost', quantity: 3 },
        { product_id: 'lamp', quantity: 12 },
      ];
      const hold = { ...step('a', 'hold'), lines };
      expect(await ledger.moveStock('orders', [hold, step('b', 'decide', 1)])).toEqual(['done', 'out-of-stock']);
      expect(await ledger.moveStock('orders', [hold, { ...step('c', 'hold', 0, 1), lines: lines.slice(0, 1) }])).toEqual(['done', 'done']);
      expect(await under.counts('lamp')).toEqual({ put_in: 10, reserved: 12, sold: 0 });
      expect(await under.counts('ghost')).toEqual({ put_in: 0, reserved: 6, sold: 0 });
      expect(await ledger.oversoldProducts()).toBe(2);
      expect(await ledger.moveStock('orders', [{ ...step('d', 'decide'), lines: lines.slice(0, 1) }])).toEqual(['wait']);
      expect(await ledger.moveStock('orders', [step('a', 'sell')])).toEqual(['done']);

      await ledger.takeProductEvents(products, [productCreated('ghost', 20)], { offset: 2, note: null });
      expect(await under.counts('ghost')).toEqual({ put_in: 20, reserved: 3, sold: 3 });
      expect(await ledger.moveStock('orders', [{ ...step('d', 'decide'), lines: [{ product_id: 'ghost', quantity: 14 }] }])).toEqual([
        'reserved',
      ]);
      const takenOut = productEvent('StockAdjusted', 'lamp', { version: 2, data: { delta: -9 } });
      await ledger.takeProductEvents(products, [takenOut], { offset: 3, note: null });
      expect(await under.counts('lamp')).toEqual({ put_in: 1, reserved: 0, sold: 12 });
    });

    it('gives a decision the next version when the log has another fact in its place, and has it appended again', async () => {
      const asked = productEvent('StockAdjustmentRequested', 'lamp', { id: 'r1', data: { delta: 5 } });
      const { answers: before } = await ledger.takeProductEvents(products, [asked], { offset: 2, note: null });
      const theirs = productEvent('StockAdjusted', 'lamp', { version: 2, data: { delta: 100 } });
      const { answers: after } = await ledger.takeProductEvents(products, [theirs, before[0]!.event], { offset: 4, note: null });
      expect(after).toMatchObject([{ requestId: 'r1', event: { name: 'StockAdjusted', version: 3, data: { delta: 5 } } }]);
      expect(await under.process().undeliveredAnswers(0)).toEqual(after);
      expect(await under.counts('lamp')).toMatchObject({ put_in: 115 });
      expect(await ledger.takeProductEvents(products, [after[0]!.event], { offset: 5, note: null })).toEqual({
        answers: [],
        delivered: ['r1'],
      });
      expect(await ledger.undeliveredAnswers(0)).toEqual([]);
    });

    it('takes events once, also those that would apply now and were void at their place', async () => {
      const ahead = productEvent('StockAdjusted', 'lamp', { version: 3, data: { delta: 100 } });
      const next = productEvent('StockAdjusted', 'lamp', { version: 2, data: { delta: 1 } });
      for (let call = 0; call < 2; call += 1) await ledger.takeProductEvents(products, [ahead, next], { offset: 3, note: null });
      expect(await under.counts('lamp')).toMatchObject({ put_in: 11 });
    });

    it('keeps the answer that the log has to a request, also one that it never decided', async () => {
      const ask = (id: string) => productEvent('StockAdjustmentRequested', 'lamp', { id });
      await ledger.takeProductEvents(products, [ask('r1')], { offset: 2, note: null });
      const theirs = ['r1', 'r2'].map((causationId, at) => productEvent('StockAdjusted', 'lamp', { version: 2 + at, causationId }));
      const { answers, delivered } = await ledger.takeProductEvents(products, theirs, { offset: 4, note: null });
      expect({ answers, delivered }).toEqual({ answers: [], delivered: ['r1'] });
      expect(await ledger.takeProductEvents(products, [ask('r1'), ask('r2')], { offset: 6, note: null })).toEqual({
        answers: [],
        delivered: [],
      });
      expect(await under.counts('lamp')).toMatchObject({ put_in: 12 });
    });
  });
};
