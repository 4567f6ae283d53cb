// The arithmetic of stock, for any steps in any order.
// What is reserved and sold is what reservations say, nobody takes what is not there, and doing steps again changes nothing.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StockStep } from '../../../../processor/ledger/ledger.ts';
import { moveStock, type ProductStock, type Reservation, type StockState } from '../../../../processor/ledger/stock.ts';

const PRODUCTS = ['p0', 'p1', 'p2'];
const ORDERS = ['o0', 'o1', 'o2', 'o3', 'o4'];

const line = fc.record({ product_id: fc.constantFrom(...PRODUCTS), quantity: fc.integer({ min: 1, max: 4 }) });
const lines = fc.uniqueArray(line, { maxLength: 3, selector: (each) => each.product_id });
const decision: fc.Arbitrary<StockStep> = fc.record({
  partition: fc.constant(0),
  orderId: fc.constantFrom(...ORDERS),
  version: fc.integer({ min: 1, max: 4 }),
  do: fc.constant('decide' as const),
  lines,
});
const ending: fc.Arbitrary<StockStep> = fc.record({
  partition: fc.constant(0),
  orderId: fc.constantFrom(...ORDERS),
  version: fc.integer({ min: 2, max: 5 }),
  do: fc.constantFrom('sell' as const, 'release' as const),
  lines: fc.constant([]),
});
const steps = fc.array(fc.oneof({ weight: 3, arbitrary: decision }, ending), { maxLength: 30 });
const stocks = fc.tuple(fc.nat(10), fc.nat(10), fc.nat(10));

const stateOf = (putIn: readonly number[]): StockState => ({
  reservations: new Map(),
  products: new Map(PRODUCTS.map((id, index) => [id, { isCreated: true, putIn: putIn[index]!, coming: 0, reserved: 0, sold: 0 }])),
});
const moved = (state: StockState, taken: readonly StockStep[]): { state: StockState; decisions: string[] } => {
  const { reservations, products, decisions } = moveStock(state, taken);
  return {
    state: { reservations: new Map([...state.reservations, ...reservations]), products: new Map([...state.products, ...products]) },
    decisions,
  };
};
const sums = (reservations: Iterable<Reservation>, state: Reservation['state'], id: string): number =>
  [...reservations]
    .filter((each) => each.state === state)
    .flatMap((each) => each.lines)
    .reduce((sum, each) => sum + (each.product_id === id ? each.quantity : 0), 0);

const step = (orderId: string, what: StockStep['do'], version = 1, taken: [string, number][] = []): StockStep => ({
  partition: 0,
  orderId,
  version,
  do: what,
  lines: taken.map(([product_id, quantity]) => ({ product_id, quantity })),
});

describe('moving stock', () => {
  it('keeps reserved and sold the sums of what reservations hold and took, and never promises what is not there', () => {
    fc.assert(
      fc.property(stocks, steps, (putIn, taken) => {
        const { state } = moved(stateOf(putIn), taken);
        for (const [id, { reserved, sold, putIn: total }] of state.products) {
          expect(reserved).toBe(sums(state.reservations.values(), 'held', id));
          expect(sold).toBe(sums(state.reservations.values(), 'closed', id));
          expect(reserved + sold).toBeLessThanOrEqual(total);
        }
      }),
    );
  });

  it('does the same in one batch as one by one', () => {
    fc.assert(
      fc.property(stocks, steps, (putIn, taken) => {
        const oneByOne = taken.reduce(
          (sofar, each) => {
            const { state, decisions } = moved(sofar.state, [each]);
            return { state, decisions: [...sofar.decisions, ...decisions] };
          },
          { state: stateOf(putIn), decisions: [] as string[] },
        );
        expect(moved(stateOf(putIn), taken)).toEqual(oneByOne);
      }),
    );
  });

  it('never changes a closed reservation, and appends nothing for it (R3, R5)', () => {
    fc.assert(
      fc.property(stocks, steps, steps, (putIn, first, second) => {
        const before = moved(stateOf(putIn), first).state;
        const { state, decisions } = moved(before, second);
        for (const [id, reservation] of before.reservations)
          if (reservation.state === 'closed') expect(state.reservations.get(id)).toEqual(reservation);
        second.forEach(({ orderId, do: what }, index) => {
          if (what === 'decide' && before.reservations.get(orderId)?.state === 'closed') expect(decisions[index]).toBe('closed');
        });
      }),
    );
  });

  it('says the same again for a version that holds its stock, and moves nothing (R4)', () => {
    const once = moved(stateOf([3, 0, 0]), [step('a', 'decide', 1, [['p0', 3]])]);
    const twice = moved(once.state, [step('a', 'decide', 1, [['p0', 3]])]);
    expect(twice).toEqual({ state: once.state, decisions: ['reserved'] });
  });

  it('gives back what an older version held and decides again, even if that leaves nothing (R4)', () => {
    const held = moved(stateOf([3, 1, 0]), [step('a', 'decide', 1, [['p0', 3]])]).state;
    const { state, decisions } = moved(held, [step('a', 'decide', 2, [['p1', 2]]), step('b', 'decide', 1, [['p0', 3]])]);
    expect(decisions).toEqual(['out-of-stock', 'reserved']);
    expect(state.products.get('p0')).toEqual({ isCreated: true, putIn: 3, coming: 0, reserved: 3, sold: 0 });
    expect(moved(state, [step('a', 'decide', 1, [['p0', 3]])]).decisions).toEqual(['reserved']); // never asked: versions do not go back
  });

  it('has an order wait for units that are on their way through the log, and rejects what even those do not cover', () => {
    const some = { ...stateOf([1, 0, 0]), products: new Map([['p0', { isCreated: true, putIn: 1, coming: 2, reserved: 0, sold: 0 }]]) };
    const { state, decisions } = moved(some, [
      step('a', 'decide', 1, [['p0', 3]]),
      step('b', 'decide', 1, [['p0', 4]]),
      step('c', 'decide', 1, [['p0', 1]]),
    ]);
    expect(decisions).toEqual(['wait', 'out-of-stock', 'reserved']);
    expect(state.products.get('p0')).toMatchObject({ reserved: 1 });
  });

  it('does nothing for an older version than the one that holds (R4)', () => {
    const held = moved(stateOf([5, 0, 0]), [step('a', 'decide', 3, [['p0', 2]])]).state;
    expect(moved(held, [step('a', 'decide', 2, [['p0', 5]])])).toEqual({ state: held, decisions: ['stale'] });
  });

  it('takes all of an order or none of it', () => {
    const { state, decisions } = moved(stateOf([5, 1, 0]), [
      step('a', 'decide', 1, [
        ['p0', 2],
        ['p1', 2],
      ]),
    ]);
    expect(decisions).toEqual(['out-of-stock']);
    expect(state.products.get('p0')?.reserved).toBe(0);
  });

  it('waits for a product that it does not know, instead of saying no (R14)', () => {
    expect(
      moved(stateOf([5, 5, 5]), [
        step('a', 'decide', 1, [
          ['p0', 1],
          ['later', 1],
        ]),
      ]),
    ).toEqual({
      state: stateOf([5, 5, 5]),
      decisions: ['wait'],
    });
  });

  it('writes what an applied OrderProcessing lists when nothing holds it, once (R3)', () => {
    const read = [step('a', 'hold', 1, [['p0', 2]])];
    const once = moved(stateOf([5, 0, 0]), read).state;
    expect(once.products.get('p0')).toEqual({ isCreated: true, putIn: 5, coming: 0, reserved: 2, sold: 0 } satisfies ProductStock);
    expect(moved(once, read).state).toEqual(once);
  });

  it('writes what the log says also where there is too little, or no such product yet (R18), and promises nobody more', () => {
    const ghost: [string, number][] = [
      ['ghost', 3],
      ['p0', 2],
    ];
    const held = moved(stateOf([1, 0, 0]), [step('a', 'hold', 1, ghost)]).state;
    expect(held.products.get('p0')).toMatchObject({ putIn: 1, reserved: 2 });
    expect(held.products.get('ghost')).toEqual({ isCreated: false, putIn: 0, coming: 0, reserved: 3, sold: 0 });
    expect(moved(held, [step('b', 'decide', 1, [['p0', 1]])]).decisions).toEqual(['out-of-stock']);
    expect(moved(held, [step('b', 'decide', 1, [['ghost', 1]])]).decisions).toEqual(['wait']);
    const sold = moved(held, [step('a', 'sell')]).state;
    expect([...sold.products.values()].map(({ reserved, sold }) => [reserved, sold])).toEqual([
      [0, 2],
      [0, 0],
      [0, 0],
      [0, 3],
    ]);
  });

  it('follows an OrderProcessing that lists something else than was decided for that version', () => {
    const decided = moved(stateOf([5, 5, 0]), [step('a', 'decide', 1, [['p0', 2]])]).state;
    const { state } = moved(decided, [step('a', 'hold', 1, [['p1', 3]])]);
    expect(state.reservations.get('a')?.lines).toEqual([{ product_id: 'p1', quantity: 3 }]);
    expect([state.products.get('p0')?.reserved, state.products.get('p1')?.reserved]).toEqual([0, 3]);
  });
});
