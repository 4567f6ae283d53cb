// Looking up whether an id belongs to an order that is over (R5), while the log goes on.

import { describe, expect, it } from 'vitest';
import type { Entry } from '../../../../processor/orders/entry.ts';
import { createLateDuplicateCheck } from '../../../../processor/orders/late-duplicates.ts';
import { createPartition, readEvent } from '../../../../processor/orders/partition.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { created, event } from '../../../support/builders/order-events.ts';

const setUp = () => {
  const partition = createPartition(0, 0, 0, 0);
  const { entry } = readEvent(partition, created('a', { id_origin: 'client' }), 5);
  const found = Promise.withResolvers<Map<string, number>>();
  const [reacted, refused]: [Entry[], string[]] = [[], []];
  const check = createLateDuplicateCheck({
    lookUpCreationOffsets: () => found.promise,
    clock: { now: () => 0, after: () => {} },
    logger: createLogger('test', 'silent'),
    react: (_, each) => void reacted.push(each),
    refuse: (_, { request }) => void refused.push(request.id),
  });
  const answer = async (createdOffset: number): Promise<void> => {
    found.resolve(new Map([['a', createdOffset]]));
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { partition, entry: entry!, check, answer, reacted, refused };
};

describe('the look-up of an order', () => {
  it('drops a late duplicate, and refuses what was asked of it', async () => {
    const { partition, entry, check, answer, reacted, refused } = setUp();
    check.lookUp(partition, entry);
    readEvent(partition, event('OrderCancellationRequested', 'a', { id: 'r1' }), 6);
    await answer(2);
    expect([partition.orders.has('a'), refused, reacted]).toEqual([false, ['r1'], []]);
  });

  it('leaves a duplicate that ended while it was looked up where it is, and goes on answering', async () => {
    const { partition, entry, check, answer, reacted } = setUp();
    check.lookUp(partition, entry);
    readEvent(partition, event('OrderCancelled', 'a', { version: 2 }), 6); // of an owner before this one, late
    readEvent(partition, event('OrderCancellationRequested', 'a', { id: 'r1' }), 7);
    await answer(2);
    expect(entry.duplicateCheck).toBe('passed');
    expect(reacted).toEqual([entry]);
  });

  it('does not take an order for its own duplicate when its row is ahead of what was read, and folds the end that the row knows', async () => {
    const { partition, entry, check, answer, reacted } = setUp();
    check.lookUp(partition, entry);
    await answer(5);
    expect([entry.duplicateCheck, reacted]).toEqual(['passed', [entry]]);
    const ended = readEvent(partition, event('OrderCancelled', 'a', { version: 2 }), 6); // of an owner before this one, late
    expect([ended.effect, entry.order.status]).toEqual(['applied', 'cancelled']);
  });
});
