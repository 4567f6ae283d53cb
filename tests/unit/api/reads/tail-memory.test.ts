// The memory of one partition, record by record.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTailPartition, fold, idsToLookUp, passOver, type TailPartition, trim } from '../../../../api/reads/tail-memory.ts';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { DUPLICATE_WINDOW_MS, REMEMBERED_MAX } from '../../../../shared/order/late-duplicates.ts';
import { isTerminal } from '../../../../shared/order/lifecycle.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import { created, event, fact, T0 } from '../../../support/builders/order-events.ts';

const NONE = new Map<string, number>();
const empty = (): TailPartition => createTailPartition(0, 0, 0, []);
/** Null: it cannot be decoded. */
const take = (memory: TailPartition, each: OrderEvent | null) => {
  if (each !== null) return fold(memory, each, NONE).change;
  passOver(memory, memory.position + 1);
  return null;
};
const foldAll = (memory: TailPartition, events: readonly (OrderEvent | null)[]) => events.map((each) => take(memory, each));

describe('folding', () => {
  it('agrees with evolve on every order, for any mixture of events, however the projector keeps up', () => {
    const ids = ['a', 'b', 'c'];
    const anyEvent = fc.oneof(
      fc.constantFrom(...ids).map((id) => created(id)),
      fc
        .tuple(
          fc.constantFrom(...ids),
          fc.constantFrom('OrderProcessing', 'OrderCompleted', 'OrderCancelled', 'OrderParked', 'OrderUnparked'),
          fc.integer({ min: 1, max: 5 }),
        )
        .map(([id, name, version]) => event(name, id, { version })),
      fc.constantFrom(...ids).map((id) => event('OrderCancellationRequested', id, { id: `r-${id}` })),
      fc.constant(null),
    );
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (events, every) => {
        const memory = empty();
        const expected = new Map<string, Order | null>();
        for (const [offset, each] of events.entries()) {
          const before = each === null ? null : (expected.get(each.orderId) ?? null);
          const evolved = each === null ? null : evolve(before, each);
          const change = take(memory, each);
          expect(change === null).toBe(evolved?.effect !== 'applied');
          if (change !== null) expect(change).toMatchObject({ order: evolved!.order, previousStatus: before?.status ?? null, offset });
          if (each !== null) expected.set(each.orderId, evolved!.order);
          // All are young, so nothing may be forgotten, closed or not.
          if (offset % every === 0) trim(memory, offset);
        }
        const open = [...expected.values()].filter((order) => order !== null && !isTerminal(order.status));
        expect(memory.openCount).toBe(open.length);
        for (const [id, order] of expected) expect(memory.orders.get(id)?.order ?? null).toEqual(order);
        expect(memory.position).toBe(events.length);
      }),
    );
  });

  it('notes where an order was created and where it last changed', () => {
    const memory = empty();
    foldAll(memory, [
      null,
      created('a'),
      created('b'),
      fact('OrderProcessing', 'a', 2, 'pending'),
      fact('OrderProcessing', 'a', 2, 'pending'),
    ]);
    expect(memory.orders.get('a')).toMatchObject({ createdOffset: 1, lastOffset: 3 });
  });

  it('keeps no events that PostgreSQL has already, when the projector is ahead', () => {
    const memory = empty();
    trim(memory, 2);
    foldAll(memory, [created('a'), fact('OrderProcessing', 'a', 2, 'pending'), fact('OrderCompleted', 'a', 3, 'processing')]);
    expect(memory.unstored.map(({ offset }) => offset)).toEqual([2]);
    expect(memory.orders.get('a')?.order.version).toBe(3);
  });
});

describe('trimming', () => {
  const closedAndStored = () => {
    const memory = empty();
    foldAll(memory, [
      created('a', {}, { time: T0 }),
      fact('OrderCancelled', 'a', 2, 'pending'),
      created('b', {}, { time: T0 + DUPLICATE_WINDOW_MS + 1 }),
    ]);
    return memory;
  };

  it('forgets a closed order that is stored and old, and no open one', () => {
    const memory = closedAndStored();
    trim(memory, 1);
    expect([...memory.orders.keys()]).toEqual(['a', 'b']);
    trim(memory, 2);
    expect([...memory.orders.keys()]).toEqual(['b']);
    expect(memory.closed).toEqual([]);
  });

  it('keeps no more than a few thousand closed orders, though one was created by a clock that is hours ahead', () => {
    const memory = empty();
    const early = created('early', {}, { time: T0 + 5 * 3_600_000 });
    foldAll(memory, [early, fact('OrderCancelled', 'early', 2, 'pending')]);
    for (let n = 0; n < REMEMBERED_MAX + 10; n += 1) {
      foldAll(memory, [created(`order-${n}`, {}, { time: T0 + n }), fact('OrderCancelled', `order-${n}`, 2, 'pending')]);
    }
    trim(memory, memory.position);
    expect(memory.closed.length).toBeLessThanOrEqual(REMEMBERED_MAX);
    expect(idsToLookUp(memory, [early]), 'what is forgotten is looked up').toEqual(['early']);
  });

  it('waits for the last event of a closed order, also for one after its end', () => {
    const memory = closedAndStored();
    fold(memory, event('OrderRequestRefused', 'a', { causationId: 'r' }), NONE);
    trim(memory, 3);
    expect(memory.orders.has('a')).toBe(true);
    trim(memory, 4);
    expect(memory.orders.has('a')).toBe(false);
  });

  it('does not shorten the list that a read in flight holds (R7)', () => {
    const memory = closedAndStored();
    const held = memory.unstoredByOrder.get('a')!;
    trim(memory, 1);
    expect(held.map(({ offset }) => offset)).toEqual([0, 1]);
    expect(memory.unstoredByOrder.get('a')!.map(({ offset }) => offset)).toEqual([1]);
    trim(memory, 3);
    expect(memory.unstoredByOrder.size).toBe(0);
  });
});

describe('ids to look up', () => {
  it('are ids that can recur, and old ones; not those that memory knows', () => {
    const memory = createTailPartition(0, 0, T0, []);
    foldAll(memory, [created('known', { id_origin: 'key' }, { time: T0 })]);
    const events = [
      created('known', { id_origin: 'key' }, { time: T0 }),
      created('young', {}, { time: T0 - DUPLICATE_WINDOW_MS }),
      created('old', {}, { time: T0 - DUPLICATE_WINDOW_MS - 1 }),
      created('key', { id_origin: 'key' }, { time: T0 }),
      created('client', { id_origin: 'client' }, { time: T0 }),
      created('batch', { id_origin: 'batch' }, { time: T0 }),
      fact('OrderProcessing', 'other', 2, 'pending'),
      null,
    ];
    expect(idsToLookUp(memory, events)).toEqual(['old', 'key', 'client', 'batch']);
  });

  it('of late duplicates stay void; those of the order itself count', () => {
    const memory = empty();
    memory.position = 7;
    expect(fold(memory, created('a', { id_origin: 'key' }), new Map([['a', 3]]))).toEqual({ effect: 'void', change: null });
    expect(fold(memory, created('b', { id_origin: 'key' }), new Map([['b', 8]]))).toMatchObject({ change: { offset: 8 } });
    expect([...memory.orders.keys()]).toEqual(['b']);
    expect(memory.unstored.map(({ effect }) => effect)).toEqual(['void', 'applied']);
  });
});
