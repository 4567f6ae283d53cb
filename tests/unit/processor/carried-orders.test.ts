// R12: an order that stays open for long does not hold the start offset back, and nothing about it is lost by that. First the plan,
// case by case; then the real processor in a simulated world in which orders outlive many owners.

import { describe, expect, it } from 'vitest';
import { CARRIED_MAX, noteStored, planStart } from '../../../processor/carried-orders.ts';
import type { StartMove } from '../../../processor/ledger/ledger.ts';
import { createPartition, forgetClosed, type Partition, readEvent } from '../../../processor/partition.ts';
import { encodeOrderEvent } from '../../../shared/log/order-codec.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import { checkAtRest, END_MS, FAULTS_MS, foldOf, processorWorld, TOPIC } from '../../simulation/single-role/processor-world.ts';
import { created, event, fact, T0 } from '../../support/builders/order-events.ts';

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
      if (entry.order.orderId.startsWith('young')) entry.order = { ...entry.order, createdAt: T0 };
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
    partition.strays.clear();
    const before = planStart(partition, RULE).offset;
    expect(before).toBe(21);
    read(partition, fact('OrderProcessing', 'old', 2, 'pending', { time: LATER }));
    partition.orders.get('old')!.unsettled = 1;
    const move = planStart(partition, RULE);
    expect(move.offset).toBeGreaterThanOrEqual(before);
    expect(move.store).toEqual([]); // a successor must read the fact again, to have it settled
  });

  it('waits for an order that may be a ghost (R5), and for unanswered requests (R6)', () => {
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
      created('old', {}, { time: T0 }), // its late twin
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

describe('orders that outlive their owners', () => {
  const SLOW = ['slow-0', 'slow-1', 'slow-2', 'slow-3'];
  const run = async (seed: number, options: { zombies?: boolean; rebuilds?: boolean }) => {
    const world = processorWorld(seed, {
      ...options,
      carryAfterMs: 1_500,
      fulfilmentMs: (id, sim) => (id.startsWith('slow') ? 20_000 : sim.between(0, 500)),
    });
    const { sim } = world;
    const ids = [...SLOW, ...Array.from({ length: 60 }, (_, i) => `o-${i}`)];
    ids.forEach((id, i) => {
      const at = id.startsWith('slow') ? i * 300 : sim.between(0, FAULTS_MS);
      sim.clock.after(at, () => {
        const record = encodeOrderEvent(created(id, {}, { time: sim.clock.now() }), TOPIC);
        sim.land(record);
        if (sim.chance(0.3)) sim.clock.after(sim.between(1, 9_000), () => sim.land(record));
      });
      for (let r = id.startsWith('slow') ? sim.between(0, 4) : 0; r > 0; r -= 1) {
        sim.clock.after(at + sim.between(100, FAULTS_MS), () => {
          const name = sim.chance(0.2) ? 'OrderCancellationRequested' : 'OrderAmendmentRequested';
          sim.land(encodeOrderEvent(event(name, id, { time: sim.clock.now() }), TOPIC));
        });
      }
    });
    await sim.run(sim.clock.now() + END_MS);
    expect([...world.violations, ...checkAtRest(sim, ids)], `seed ${seed}`).toEqual([]);
    return world;
  };

  it('are taken over as the log has them, from near its end, and completed (R12)', async () => {
    let late = 0;
    for (let seed = 2; seed <= 40; seed += 2) {
      const { takeOvers, sim, tables } = await run(seed, {});
      for (const { at, startOffset, end } of takeOvers) if (at > T0 + 15_000 && startOffset > end / 2) late += 1;
      for (const [key, rows] of tables.carried) {
        const start = tables.partitions.get(key)!.start.offset;
        for (const id of rows.keys()) expect(foldOf(sim, id, start).order?.status, `${id} below ${start}`).not.toBe('completed');
      }
    }
    expect(late).toBeGreaterThan(20); // take-overs that began far behind the creation of the slow orders
  });

  it('also beside zombies, and with the ledger rebuilt under way', async () => {
    for (let seed = 2; seed <= 24; seed += 2) await run(seed, { zombies: true });
    for (let seed = 2; seed <= 24; seed += 2) await run(seed, { rebuilds: true });
  });
});
