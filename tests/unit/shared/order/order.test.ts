import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FACT_NAMES, type OrderEvent, type OrderEventName, REQUEST_NAMES } from '../../../../shared/order/events.ts';
import { canMove, isTerminal, ORDER_STATUSES, TRANSITIONS } from '../../../../shared/order/lifecycle.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import { created, event, fact, T0 } from '../../../support/builders/order-events.ts';

const fold = (events: readonly OrderEvent[], from: Order | null = null): Order | null =>
  events.reduce<Order | null>((order, next) => evolve(order, next).order, from);

const completedLife = (id: string): OrderEvent[] => [
  created(id),
  fact('OrderProcessing', id, 2, 'pending'),
  fact('OrderCompleted', id, 3, 'processing'),
];

describe('evolve', () => {
  it('takes an order from pending over processing to completed, with its times', () => {
    const order = fold([
      created('o', {}, { time: T0 }),
      fact('OrderProcessing', 'o', 2, 'pending', { time: T0 + 10 }),
      fact('OrderCompleted', 'o', 3, 'processing', { time: T0 + 2010 }),
    ]);
    expect(order).toMatchObject({ status: 'completed', version: 3, createdAt: T0, processingStartedAt: T0 + 10, completedAt: T0 + 2010 });
  });

  it('voids a fact whose version is stale or from the future', () => {
    const order = fold([created('o'), fact('OrderProcessing', 'o', 2, 'pending')]);
    for (const version of [1, 2, 4]) {
      expect(evolve(order, fact('OrderCompleted', 'o', version, 'processing'))).toEqual({ order, effect: 'void' });
    }
  });

  it('voids a second OrderCreated, whatever it says', () => {
    const order = fold([created('o')]);
    expect(evolve(order, created('o', { total_minor: 1 }))).toEqual({ order, effect: 'void' });
  });

  it('voids a fact for an order that was never created', () => {
    expect(evolve(null, fact('OrderProcessing', 'o', 1, 'pending'))).toEqual({ order: null, effect: 'void' });
  });

  it('never lets time run backwards within an order (R10)', () => {
    const order = fold([created('o', {}, { time: T0 }), fact('OrderProcessing', 'o', 2, 'pending', { time: T0 - 5000 })]);
    expect(order).toMatchObject({ processingStartedAt: T0, updatedAt: T0 });
  });

  it('gives a request one answer: the first effective record that names it (R2)', () => {
    const order = fold([created('o')]);
    const refusal = event('OrderRequestRefused', 'o', { causationId: 'r1' });
    const refused = evolve(order, refusal);
    expect(refused.effect).toBe('refusal');
    expect(evolve(refused.order, fact('OrderCancelled', 'o', 2, 'pending', { causationId: 'r1' })).effect).toBe('void');
    expect(evolve(refused.order, event('OrderRequestRefused', 'o', { causationId: 'r1' })).effect).toBe('void');
    expect(evolve(refused.order, fact('OrderCancelled', 'o', 2, 'pending', { causationId: 'r2' })).effect).toBe('applied');
  });

  it('lets a void fact answer nothing (R2)', () => {
    const order = fold([created('o')]);
    const stale = evolve(order, fact('OrderCancelled', 'o', 7, 'pending', { causationId: 'r1' }));
    expect(stale.effect).toBe('void');
    expect(evolve(stale.order, fact('OrderCancelled', 'o', 2, 'pending', { causationId: 'r1' })).effect).toBe('applied');
  });

  it('amends items and total while pending, and only then', () => {
    const pending = fold([created('o')]);
    expect(evolve(pending, fact('OrderAmended', 'o', 2, 'pending')).order).toMatchObject({
      totalMinor: 500,
      status: 'pending',
      version: 2,
    });
    const processing = fold([fact('OrderProcessing', 'o', 2, 'pending')], pending);
    expect(evolve(processing, fact('OrderAmended', 'o', 3, 'processing')).effect).toBe('void');
  });

  it('parks an open order without changing its status, and clears the flag when it ends', () => {
    const parked = fold([created('o'), fact('OrderProcessing', 'o', 2, 'pending'), fact('OrderParked', 'o', 3, 'processing')]);
    expect(parked).toMatchObject({ status: 'processing', parked: { code: 'FULFILMENT_FAILED', attempts: 3 } });
    expect(evolve(parked, fact('OrderParked', 'o', 4, 'processing')).effect).toBe('void');
    expect(evolve(parked, fact('OrderUnparked', 'o', 4, 'processing')).order?.parked).toBeNull();
    expect(evolve(parked, fact('OrderCancelled', 'o', 4, 'processing')).order).toMatchObject({ status: 'cancelled', parked: null });
  });

  it('knows that the endpoint has the order, from its acceptance until it is parked or ends', () => {
    const processing = fold([created('o'), fact('OrderProcessing', 'o', 2, 'pending')]);
    const accepted = evolve(processing, fact('OrderFulfilmentAccepted', 'o', 3, 'processing', { time: T0 + 60_000 })).order;
    expect(accepted).toMatchObject({ status: 'processing', version: 3, accepted: { at: T0 + 60_000, reference: 'job-7' } });
    const left = (...events: OrderEvent[]) => fold(events, accepted)?.accepted;
    expect(left(event('OrderFulfilmentReported', 'o'))).toEqual(accepted?.accepted);
    expect(left(fact('OrderParked', 'o', 4, 'processing'))).toBeNull();
    expect(left(fact('OrderParked', 'o', 4, 'processing'), fact('OrderUnparked', 'o', 5, 'processing'))).toBeNull();
    expect(left(fact('OrderCompleted', 'o', 4, 'processing'))).toBeNull();
    expect(left(fact('OrderCancelled', 'o', 4, 'processing'))).toBeNull();
  });

  it('voids an acceptance of an order that is not in processing, is parked, or is accepted already', () => {
    const isVoid = (version: number, ...events: OrderEvent[]): void => {
      const order = fold(events);
      expect(evolve(order, fact('OrderFulfilmentAccepted', 'o', version, 'processing'))).toEqual({ order, effect: 'void' });
    };
    const started = [created('o'), fact('OrderProcessing', 'o', 2, 'pending')];
    isVoid(2, created('o'));
    isVoid(4, ...started, fact('OrderParked', 'o', 3, 'processing'));
    isVoid(4, ...started, fact('OrderFulfilmentAccepted', 'o', 3, 'processing'));
    isVoid(4, ...completedLife('o'));
  });

  it('moves an order only where the lifecycle table allows it', () => {
    const names: Partial<Record<string, OrderEventName>> = {
      processing: 'OrderProcessing',
      completed: 'OrderCompleted',
      cancelled: 'OrderCancelled',
      rejected: 'OrderRejected',
    };
    const base = fold([created('o')])!;
    for (const from of ORDER_STATUSES) {
      for (const to of ORDER_STATUSES) {
        const name = names[to];
        if (!name) continue;
        const { effect } = evolve({ ...base, status: from }, event(name, 'o', { version: 2 }));
        expect([from, to, effect]).toEqual([from, to, canMove(from, to) ? 'applied' : 'void']);
      }
    }
  });
});

/** Arbitrary events about one order, most of them nonsense: any name, small versions, few request ids. */
const anyEvent = fc
  .record({
    name: fc.constantFrom(...FACT_NAMES, ...REQUEST_NAMES, 'OrderRequestRefused' as const),
    version: fc.integer({ min: 1, max: 6 }),
    causationId: fc.option(fc.constantFrom('r1', 'r2', 'r3')),
    time: fc.integer({ min: T0 - 10_000, max: T0 + 10_000 }),
  })
  .map(({ name, ...options }) => event(name, 'o', options));

const checkLegal = (before: Order | null, after: Order | null, effect: string): void => {
  if (effect === 'void' || effect === 'request') expect(after).toBe(before);
  if (effect !== 'applied' || after === null) return;
  expect(after.version).toBe((before?.version ?? 0) + 1);
  expect(after.updatedAt).toBeGreaterThanOrEqual(before?.updatedAt ?? after.createdAt);
  if (before === null) expect(after.status).toBe('pending');
  else if (before.status !== after.status) expect(TRANSITIONS[before.status]).toContain(after.status);
  if (after.accepted !== null) expect([after.status, after.parked]).toEqual(['processing', null]);
  if (before && isTerminal(before.status)) throw new Error(`a ${before.status} order changed`);
};

describe('any log', () => {
  it('folds to a legal order at every step, whatever is in it', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (log) => {
        let order: Order | null = null;
        for (const next of log) {
          const { order: after, effect } = evolve(order, next);
          checkLegal(order, after, effect);
          order = after;
        }
        expect(new Set(order?.answeredRequests).size).toBe(order?.answeredRequests.length ?? 0);
      }),
      { numRuns: 500 },
    );
  });

  it('folds to the same order for every reader, however each cuts it into batches or starts from a stored order', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), fc.nat(40), (log, cut) => {
        const stored = JSON.parse(JSON.stringify(fold(log.slice(0, cut)))) as Order | null;
        expect(fold(log.slice(cut), stored)).toEqual(fold(log));
      }),
      { numRuns: 300 },
    );
  });

  it('is not moved by copies: duplicates and late repetitions of facts change nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2), { maxLength: 12 }), fc.array(fc.nat(20), { maxLength: 12 }), (copies, places) => {
        const life = completedLife('o');
        const log = [...life];
        // Each copy lands somewhere after its original, as an ambiguous append may put it.
        copies.forEach((which, i) => {
          const earliest = log.indexOf(life[which]!) + 1;
          log.splice(earliest + ((places[i] ?? 0) % (log.length - earliest + 1)), 0, { ...life[which]! });
        });
        expect(fold(log)).toEqual(fold(life));
      }),
      { numRuns: 300 },
    );
  });
});
