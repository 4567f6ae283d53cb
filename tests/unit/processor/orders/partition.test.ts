import { describe, expect, it } from 'vitest';
import { planStart } from '../../../../processor/orders/carried-orders.ts';
import { logTimeOf, startMoves } from '../../../../processor/orders/committed-offsets.ts';
import { report } from '../../../../processor/orders/entry.ts';
import {
  createPartition,
  dropLateDuplicate,
  forgetClosed,
  type Partition,
  readEvent,
  stockStepOf,
  unmatchedRequests,
} from '../../../../processor/orders/partition.ts';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { DUPLICATE_WINDOW_MS, REMEMBERED_MAX } from '../../../../shared/order/late-duplicates.ts';
import { created, event, fact, T0 } from '../../../support/builders/order-events.ts';

const afterReading = (...events: OrderEvent[]): Partition => {
  const partition = createPartition(0, 0, 0, 0);
  events.forEach((next, offset) => {
    readEvent(partition, next, offset);
    partition.position = offset + 1;
  });
  forgetClosed(partition);
  return partition;
};
const life = (id: string, time: number): OrderEvent[] => [
  created(id, {}, { time }),
  fact('OrderProcessing', id, 2, 'pending', { time }),
  fact('OrderCompleted', id, 3, 'processing', { time }),
];

const NEVER_CARRY = { now: T0, carryAfterMs: Infinity };
const offsetToCommit = (partition: Partition): number => planStart(partition, NEVER_CARRY).offset;

describe('the offset to commit (R6)', () => {
  it('is the creation of the oldest open order', () => {
    expect(
      offsetToCommit(afterReading(...life('a', T0), created('b', {}, { time: T0 + 60_000 }), created('c', {}, { time: T0 + 60_000 }))),
    ).toBe(3);
  });

  it('is the oldest unanswered request, also of an order that memory does not hold', () => {
    const partition = afterReading(event('OrderCancellationRequested', 'gone'), ...life('a', T0), created('b', {}, { time: T0 + 60_000 }));
    expect(offsetToCommit(partition)).toBe(0);
    expect(unmatchedRequests(partition)).toHaveLength(1);
  });

  it('is the read position when nothing is open', () => {
    const partition = afterReading(...life('a', T0), ...life('b', T0 + DUPLICATE_WINDOW_MS + 1));
    expect(partition.orders.has('a')).toBe(false);
    expect(offsetToCommit(partition)).toBe(3); // b is remembered for its late duplicate
  });

  it('waits for a partition that still recovers, and carries the log time', () => {
    const recovering = createPartition(1, 5, 9, 0);
    const moves = startMoves([afterReading(created('a', {}, { time: T0 })), recovering], NEVER_CARRY);
    expect([...moves]).toMatchObject([[0, { offset: 0, note: `logtime=${T0}`, store: [], drop: [] }]]);
    expect(logTimeOf(7, `logtime=${T0}`)).toBe(T0);
    expect(logTimeOf(7, null)).toBe(Infinity);
    expect(logTimeOf(0, null)).toBe(0);
  });
});

describe('closed orders in memory (R5)', () => {
  it('are forgotten once a duplicate would look old, and memory then knows only what lies behind their end', () => {
    const partition = afterReading(...life('a', T0), created('b', {}, { time: T0 + DUPLICATE_WINDOW_MS + 1 }));
    expect([...partition.orders.keys()]).toEqual(['b']);
    expect(partition.knownFrom).toBe(3);
    const { entry } = readEvent(partition, created('a', {}, { time: T0 }), 4);
    expect(entry?.duplicateCheck).toBe('due');
  });

  it('are never more than a few thousand, though one was created by a clock that is hours ahead', () => {
    const HOURS = 5 * 3_600_000;
    const early = life('early', T0 + HOURS);
    const later = Array.from({ length: REMEMBERED_MAX + 10 }, (_, n) => life(`order-${n}`, T0 + n)).flat();
    const partition = afterReading(...early, ...later);
    expect(partition.closed.length).toBeLessThanOrEqual(REMEMBERED_MAX);
    expect(offsetToCommit(partition), 'a successor does not begin hours ago').toBeGreaterThan(early.length);
    const duplicate = readEvent(partition, early[0]!, partition.position);
    expect(duplicate.entry?.duplicateCheck, 'what is forgotten is looked up').toBe('due');
  });

  it('are kept while a request for them is unanswered', () => {
    const partition = afterReading(
      ...life('a', T0),
      event('OrderCancellationRequested', 'a'),
      created('b', {}, { time: T0 + DUPLICATE_WINDOW_MS + 1 }),
    );
    expect(partition.orders.get('a')?.requests).toHaveLength(1);
  });

  it('a dropped duplicate leaves its requests to be refused', () => {
    const partition = afterReading(created('k_1', { id_origin: 'key' }), event('OrderCancellationRequested', 'k_1'));
    const duplicate = partition.orders.get('k_1')!;
    expect(duplicate.duplicateCheck).toBe('due');
    expect(dropLateDuplicate(partition, duplicate)).toHaveLength(1);
    expect(partition.openCount).toBe(0);
    expect(unmatchedRequests(partition)).toHaveLength(1);
  });

  it('a dropped duplicate leaves also the requests that came before it', () => {
    const partition = afterReading(event('OrderCancellationRequested', 'k_1'), created('k_1', { id_origin: 'key' }));
    expect(unmatchedRequests(partition)).toEqual([]);
    expect(dropLateDuplicate(partition, partition.orders.get('k_1')!)).toHaveLength(1);
    expect(unmatchedRequests(partition)).toHaveLength(1);
  });
});

describe('what facts mean for stock (R3)', () => {
  const items = [{ product_id: 'lamp', quantity: 2, unit_price_minor: null, stocked: true }];
  const lines = [{ product_id: 'lamp', quantity: 2 }];
  const processing = event('OrderProcessing', 'a', { version: 2, data: { reserved: lines } });
  const completed = fact('OrderCompleted', 'a', 3, 'processing', { time: T0 });

  /** The steps of each fact, as the shell asks for them. */
  const stepsOf = (partition: Partition, ...events: OrderEvent[]) =>
    events.map((next, index) => {
      const { entry, effect } = readEvent(partition, next, index);
      return entry && effect === 'applied' && next.kind === 'fact' ? stockStepOf(partition, entry, next) : null;
    });

  it('is nothing for an order without stocked items, whatever happens to it', () => {
    expect(stepsOf(createPartition(0, 0, 0, 0), ...life('a', T0))).toEqual([null, null, null]);
  });

  it('is what an OrderProcessing lists, unless this process has decided it, and the end of it', () => {
    const [first, held, sold] = stepsOf(createPartition(0, 0, 0, 0), created('a', { items }, { time: T0 }), processing, completed);
    expect(first).toBeNull();
    expect(held).toEqual({ partition: 0, orderId: 'a', version: 1, do: 'hold', lines });
    expect(sold).toEqual({ partition: 0, orderId: 'a', version: 3, do: 'sell', lines: [] });

    const partition = createPartition(0, 0, 0, 0);
    stepsOf(partition, created('a', { items }, { time: T0 }));
    report(partition.orders.get('a')!, { what: 'stock-decided', version: 1, decision: 'reserved' });
    expect(stepsOf(partition, processing)).toEqual([null]);
  });

  it('goes on for an order that was amended to items without stock: it may still hold some', () => {
    const amended = event('OrderAmended', 'a', { version: 2 });
    const cancelled = fact('OrderCancelled', 'a', 3, 'pending', { time: T0 });
    expect(stepsOf(createPartition(0, 0, 0, 0), created('a', { items }, { time: T0 }), amended, cancelled)[2]).toMatchObject({
      do: 'release',
    });
  });

  it('holds back the start offset until it is in the ledger', () => {
    const partition = createPartition(0, 0, 0, 0);
    stepsOf(
      partition,
      created('a', { items }, { time: T0 }),
      processing,
      completed,
      created('b', {}, { time: T0 + 2 * DUPLICATE_WINDOW_MS }),
    );
    partition.position = 4;
    report(partition.orders.get('a')!, { what: 'settling' });
    forgetClosed(partition);
    expect(offsetToCommit(partition)).toBe(0);
    report(partition.orders.get('a')!, { what: 'settled' });
    forgetClosed(partition);
    expect(offsetToCommit(partition)).toBe(3);
  });
});
