import { describe, expect, it } from 'vitest';
import { groupOffsets, logTimeOf } from '../../../processor/committed-offsets.ts';
import {
  createPartition,
  dropGhost,
  forgetClosed,
  offsetToCommit,
  type Partition,
  readEvent,
  strayRequests,
} from '../../../processor/partition.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import { DUPLICATE_WINDOW_MS } from '../../../shared/order/ghosts.ts';
import { created, event, fact, T0 } from '../../support/order-events.ts';

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

describe('the offset to commit (R6)', () => {
  it('is the creation of the oldest open order', () => {
    expect(
      offsetToCommit(afterReading(...life('a', T0), created('b', {}, { time: T0 + 60_000 }), created('c', {}, { time: T0 + 60_000 }))),
    ).toBe(3);
  });

  it('is the oldest unanswered request, also of an order that memory does not hold', () => {
    const partition = afterReading(event('OrderCancellationRequested', 'gone'), ...life('a', T0), created('b', {}, { time: T0 + 60_000 }));
    expect(offsetToCommit(partition)).toBe(0);
    expect(strayRequests(partition)).toHaveLength(1);
  });

  it('is the read position when nothing is open', () => {
    const partition = afterReading(...life('a', T0), ...life('b', T0 + DUPLICATE_WINDOW_MS + 1));
    expect(partition.orders.has('a')).toBe(false);
    expect(offsetToCommit(partition)).toBe(3); // b is remembered for its late twin
  });

  it('waits for a partition that still recovers, and carries the log time', () => {
    const recovering = createPartition(1, 5, 9, 0);
    const offsets = groupOffsets([afterReading(created('a', {}, { time: T0 })), recovering]);
    expect([...offsets]).toEqual([[0, { offset: 0, metadata: `logtime=${T0}` }]]);
    expect(logTimeOf(7, `logtime=${T0}`)).toBe(T0);
    expect(logTimeOf(7, null)).toBe(Infinity);
    expect(logTimeOf(0, null)).toBe(0);
  });
});

describe('closed orders in memory (R5)', () => {
  it('are forgotten once a twin would look old, and memory then knows only what lies behind their end', () => {
    const partition = afterReading(...life('a', T0), created('b', {}, { time: T0 + DUPLICATE_WINDOW_MS + 1 }));
    expect([...partition.orders.keys()]).toEqual(['b']);
    expect(partition.knownFrom).toBe(3);
    const { entry } = readEvent(partition, created('a', {}, { time: T0 }), 4);
    expect(entry?.admission).toBe('unknown');
  });

  it('are kept while a request for them is unanswered', () => {
    const partition = afterReading(
      ...life('a', T0),
      event('OrderCancellationRequested', 'a'),
      created('b', {}, { time: T0 + DUPLICATE_WINDOW_MS + 1 }),
    );
    expect(partition.orders.get('a')?.requests).toHaveLength(1);
  });

  it('a dropped ghost leaves its requests to be refused', () => {
    const partition = afterReading(created('k_1', { id_origin: 'key' }), event('OrderCancellationRequested', 'k_1'));
    const ghost = partition.orders.get('k_1')!;
    expect(ghost.admission).toBe('unknown');
    expect(dropGhost(partition, ghost)).toHaveLength(1);
    expect(partition.openCount).toBe(0);
    expect(strayRequests(partition)).toHaveLength(1);
  });
});
