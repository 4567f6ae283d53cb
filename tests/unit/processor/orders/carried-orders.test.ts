// R12: an order that stays open for long does not hold the start offset back, and nothing about it is lost by that: the plan, case by
// case. The processor that follows it: tests/simulation/single-role/long-lives.test.ts.

import { describe, expect, it } from 'vitest';
import type { StartMove } from '../../../../processor/ledger/ledger.ts';
import { CARRIED_MAX, noteStored, planStart } from '../../../../processor/orders/carried-orders.ts';
import { report } from '../../../../processor/orders/entry.ts';
import { createPartition, forgetClosed, type Partition, readEvent } from '../../../../processor/orders/partition.ts';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { created, event, fact, T0 } from '../../../support/builders/order-events.ts';

const MINUTE = 60_000;
const RULE = { now: T0 + 60 * MINUTE, carryAfterMs: 10 * MINUTE };
const LATER = T0 + 59 * MINUTE;

const read = (partition: Partition, ...events: OrderEvent[]): void => {
  for (const next of events) {
    readEvent(partition, next, partition.position);
    partition.position += 1;
  }
  forgetClosed(partition);
};
const reading = (...events: OrderEvent[]): Partition => {
  const partition = createPartition(0, 0, 0, 0);
  read(partition, ...events);
  return partition;
};
const young = (n: number): OrderEvent[] => Array.from({ length: n }, (_, i) => created(`young-${i}`, {}, { time: LATER }));
/** What a successor knows that starts where the plan says, with what is stored. */
const successor = (predecessor: Partition, move: StartMove, log: OrderEvent[]): Partition => {
  const partition = createPartition(0, move.offset, log.length, predecessor.logTime, move.store ?? []);
  read(partition, ...log.slice(move.offset));
  return partition;
};

describe('the plan of a start', () => {
  const log = [created('old', {}, { time: T0 }), fact('OrderProcessing', 'old', 2, 'pending', { time: T0 }), ...young(3)];

  it('passes an order that has been open for long, and stores its fold', () => {
    const partition = reading(...log);
    const move = planStart(partition, RULE);
    expect(move).toMatchObject({ offset: 2, drop: [] });
    expect(move.store).toMatchObject([{ order: { orderId: 'old', version: 2 }, createdOffset: 0, asOf: 5, usesStock: false }]);
    expect(planStart(reading(...log), { ...RULE, now: T0 + MINUTE }).offset).toBe(0);
  });

  it('stores once, and again only when the order has changed', () => {
    const partition = reading(...log);
    noteStored(partition, planStart(partition, RULE));
    expect(planStart(partition, RULE)).toMatchObject({ offset: 2, store: [] });
    read(partition, fact('OrderParked', 'old', 3, 'processing', { time: LATER }));
    expect(planStart(partition, RULE).store).toMatchObject([{ order: { orderId: 'old', version: 3 } }]);
  });

  it('stores again while it is not known to have happened, and does not count on it', () => {
    const partition = reading(...log);
    planStart(partition, RULE); // without an answer
    expect(planStart(partition, RULE).store).toHaveLength(1);
    read(partition, fact('OrderCompleted', 'old', 3, 'processing', { time: LATER }), ...young(1));
    // Perhaps there is a row: it goes, behind the end of its order.
    for (const entry of partition.orders.values())
      if (entry.order.orderId.startsWith('young')) {
        report(entry, { what: 'read', order: { ...entry.order, createdAt: T0 }, offset: entry.createdOffset, fact: null });
      }
    const move = planStart(partition, RULE);
    expect(move.drop).toEqual(['old']);
    expect(move.offset).toBeGreaterThan(5);
  });

  it('keeps the start where the row is right until the end of the order lies behind it', () => {
    const partition = reading(...log);
    const stored = planStart(partition, RULE);
    noteStored(partition, stored);
    const end = [fact('OrderCompleted', 'old', 3, 'processing', { time: LATER })];
    read(partition, ...end); // closed at 5, while younger ones hold the start at 2
    const waiting = planStart(partition, RULE);
    expect(waiting).toMatchObject({ offset: 2, drop: [] });
    const next = successor(partition, { ...waiting, store: stored.store! }, [...log, ...end]);
    expect(next.orders.has('old')).toBe(false); // read to its end, and forgotten
    expect(next.left.has('old')).toBe(true); // its row is not
  });

  it('never goes back, not even when a carried order waits for the ledger (R3)', () => {
    const partition = reading(created('old', {}, { time: T0 }));
    noteStored(partition, planStart(partition, RULE));
    read(partition, ...Array.from({ length: 20 }, (_, i) => event('OrderCancellationRequested', `gone-${i}`)));
    partition.requests.clear();
    partition.unmatched.clear();
    const before = planStart(partition, RULE).offset;
    expect(before).toBe(21);
    read(partition, fact('OrderProcessing', 'old', 2, 'pending', { time: LATER }));
    report(partition.orders.get('old')!, { what: 'settling' });
    const move = planStart(partition, RULE);
    expect(move.offset).toBeGreaterThanOrEqual(before);
    expect(move.store).toEqual([]); // a successor must read the fact again, to have it settled
  });

  it('waits for an order that may be a late duplicate (R5), and for unanswered requests (R6)', () => {
    const keyed = reading(created('k', { id_origin: 'key' }, { time: T0 }), ...young(1));
    expect(planStart(keyed, RULE).offset).toBe(0);
    const asked = reading(created('old', {}, { time: T0 }), event('OrderCancellationRequested', 'old'), ...young(1));
    expect(planStart(asked, RULE)).toMatchObject({ offset: 1, store: [{ createdOffset: 0 }] });
  });

  it('carries a bounded number', () => {
    const many = Array.from({ length: CARRIED_MAX + 5 }, (_, i) => created(`old-${i}`, {}, { time: T0 }));
    const move = planStart(reading(...many), RULE);
    expect(move.store).toHaveLength(CARRIED_MAX);
    expect(move.offset).toBe(CARRIED_MAX);
  });

  it('takes nothing of what is read again for new, and nothing that was void at its place', () => {
    const events = [
      fact('OrderCancelled', 'old', 4, 'processing', { time: T0 }), // nobody's; a later fold would take it
      created('old', {}, { time: T0 }),
      event('OrderAmendmentRequested', 'old', { id: 'r1' }),
      event('OrderRequestRefused', 'old', { causationId: 'r1' }),
      fact('OrderProcessing', 'old', 2, 'pending', { time: T0 }),
      created('old', {}, { time: T0 }), // its late duplicate
      fact('OrderParked', 'old', 3, 'processing', { time: T0 }),
    ];
    const partition = reading(...events);
    const { store = [] } = planStart(partition, RULE);
    for (let from = 0; from <= events.length; from += 1) {
      const again = successor(partition, { offset: from, note: null, store }, events);
      expect(again.orders.get('old')!.order).toEqual(partition.orders.get('old')!.order);
      expect([...again.requests.keys()]).toEqual([]);
      expect(again.openCount).toBe(1);
    }
  });
});
