// What an order becomes in the processor, for every happening.
// The transition is total, and each of its rules in a line.

import { describe, expect, it } from 'vitest';
import { type Entry, type Happened, newEntry, report, transition } from '../../../../processor/orders/entry.ts';
import { nextStep } from '../../../../processor/orders/order-reactor.ts';
import type { OrderFact } from '../../../../shared/order/events.ts';
import { evolve } from '../../../../shared/order/order.ts';
import { created, event } from '../../../support/builders/order-events.ts';

const pending = evolve(null, created('a')).order!;
const parked = evolve(
  { ...pending, status: 'processing', version: 2 },
  event('OrderParked', 'a', { version: 3, data: { code: 'FULFILMENT_FAILED', attempts: 8, detail: 'no' } }),
).order!;
const failed = { outcome: 'failed', failure: { code: 'FULFILMENT_FAILED', detail: 'no' }, attempts: 8 } as const;

const entryAfter = (...happenings: Happened[]): Entry => {
  const entry = newEntry({ order: pending, createdOffset: 0 });
  for (const happened of happenings) report(entry, happened);
  return entry;
};
const read = (offset: number, fact: OrderFact | null = null, order = pending): Happened => ({ what: 'read', order, offset, fact });

describe('one fact in flight (R1)', () => {
  it('is in flight until its record is read, whatever else is read', () => {
    expect(entryAfter({ what: 'append-begun' }).inFlight).toBe('appending');
    const acknowledged: Happened = { what: 'acknowledged', offset: 7, position: 5 };
    expect(entryAfter({ what: 'append-begun' }, acknowledged).inFlight).toBe(7);
    expect(entryAfter({ what: 'append-begun' }, acknowledged, read(6)).inFlight).toBe(7);
    expect(entryAfter({ what: 'append-begun' }, acknowledged, read(7)).inFlight).toBeNull();
  });

  it('is over at once when its record was read before its acknowledgement came, or it failed', () => {
    expect(entryAfter({ what: 'append-begun' }, read(7), { what: 'acknowledged', offset: 7, position: 8 }).inFlight).toBeNull();
    expect(entryAfter({ what: 'append-begun' }, { what: 'append-failed' }).inFlight).toBeNull();
    expect(entryAfter({ what: 'append-begun' }, read(7)).inFlight).toBe('appending');
  });
});

describe('stock', () => {
  it('is decided for one version; a shortage answers one question only (R4)', () => {
    const decided = (decision: 'reserved' | 'out-of-stock') =>
      entryAfter({ what: 'stock-asked' }, { what: 'stock-decided', version: 1, decision });
    expect(decided('reserved')).toMatchObject({ stock: 'idle', stockDecision: { version: 1, enough: true } });
    expect(decided('out-of-stock')).toMatchObject({ stock: 'idle', stockDecision: { version: 1, enough: false } });
    expect(transition(decided('out-of-stock'), { what: 'shortage-used' })).toEqual({ stockDecision: null });
  });

  it('waits for a product that the ledger does not know, and forgets what was decided before (R14)', () => {
    const reserved: Happened = { what: 'stock-decided', version: 1, decision: 'reserved' };
    const waiting = entryAfter(reserved, { what: 'stock-decided', version: 1, decision: 'wait' });
    expect(waiting).toMatchObject({ stock: 'waiting', stockDecision: null });
    expect(entryAfter(reserved, { what: 'stock-decided', version: 1, decision: 'closed' })).toMatchObject({
      stock: 'idle',
      stockDecision: null,
    });
    expect(transition(waiting, { what: 'product-waited-for' })).toEqual({ stock: 'idle' });
  });

  it('is used once an order has taken from it, also after an amendment to other items (R3)', () => {
    const items = [{ product_id: 'lamp', quantity: 1, unit_price_minor: null, stocked: true }];
    const entry = entryAfter(read(0, created('a', { items }) as OrderFact));
    expect(entry.usesStock).toBe(true);
    report(entry, read(1, event('OrderAmended', 'a', { version: 2 }) as OrderFact));
    expect(entry.usesStock).toBe(true);
  });

  it('counts the steps that are not in the ledger yet (R3)', () => {
    expect(entryAfter({ what: 'settling' }, { what: 'settling' }, { what: 'settled' }).unsettled).toBe(1);
  });
});

describe('fulfilment', () => {
  it('begins again when the order has been parked', () => {
    expect(entryAfter({ what: 'fulfilment-begun' }).fulfilment).toBe('running');
    expect(entryAfter({ what: 'fulfilled', as: { outcome: 'done' } }).fulfilment).toBe('done');
    expect(entryAfter({ what: 'fulfilled', as: failed }, read(3)).fulfilment).toEqual(failed);
    expect(entryAfter({ what: 'fulfilled', as: failed }, read(3, null, parked)).fulfilment).toBe('idle');
  });
});

describe('a report of fulfilment', () => {
  const processing = { ...pending, status: 'processing', version: 2 } as const;
  const accepted = evolve(processing, event('OrderFulfilmentAccepted', 'a', { version: 3 })).order!;

  it('is waited for once the acceptance was read, by whoever has the order; nothing is sent', () => {
    const taken = newEntry({ order: processing, createdOffset: 0 });
    expect(nextStep(taken)).toEqual({ do: 'fulfil' });
    report(taken, { what: 'fulfilled', as: { outcome: 'accepted', reference: 'job-7' } });
    expect(nextStep(taken)).toMatchObject({ do: 'append', draft: { name: 'OrderFulfilmentAccepted', data: { reference: 'job-7' } } });
    report(taken, read(5, null, accepted));
    expect(nextStep(taken)).toEqual({ do: 'await-report' });
    expect(nextStep(newEntry({ order: accepted, createdOffset: 0 }))).toEqual({ do: 'await-report' });
    report(taken, { what: 'report-awaited' });
    expect(nextStep(taken)).toEqual({ do: 'nothing' });
  });

  it('is given up when it is overdue: the order is parked, and begins again when it is redriven', () => {
    const entry = newEntry({ order: accepted, createdOffset: 0 });
    report(entry, { what: 'report-awaited' });
    report(entry, { what: 'report-overdue' });
    expect(nextStep(entry)).toMatchObject({
      do: 'append',
      draft: { name: 'OrderParked', data: { code: 'FULFILMENT_OVERDUE', attempts: 0 } },
    });
    const overdue = evolve(accepted, event('OrderParked', 'a', { version: 4 })).order!;
    report(entry, read(6, null, overdue));
    expect(nextStep(entry)).toEqual({ do: 'nothing' });
    report(entry, read(7, null, evolve(overdue, event('OrderUnparked', 'a', { version: 5 })).order!));
    expect(nextStep(entry)).toEqual({ do: 'fulfil' });
  });
});

it('passes the late-duplicate check (R5), and has its slot, as it is told', () => {
  expect(entryAfter({ what: 'look-up-begun' }).duplicateCheck).toBe('asked');
  expect(entryAfter({ what: 'look-up-begun' }, { what: 'looked-up' }).duplicateCheck).toBe('passed');
  expect(entryAfter({ what: 'slot-taken' }).hasSlot).toBe(true);
  expect(entryAfter({ what: 'slot-taken' }, { what: 'slot-released' }).hasSlot).toBe(false);
});
