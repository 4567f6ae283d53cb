// A processor believes its own records only where it reads them (R17): a log that has lost what it had acknowledged, and has grown since, is
// another one. Nothing is folded or appended on top of what is no more.

import { describe, expect, it } from 'vitest';
import { createOrderProcessor } from '../../../../processor/orders/process-orders.ts';
import { orderDecoderFor } from '../../../../shared/log/codec/order-codec.ts';
import type { Position } from '../../../../shared/log/log.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { recordsOf } from '../../../support/builders/log-records.ts';
import { created, event } from '../../../support/builders/order-events.ts';

/** A processor of one partition, and what is acknowledged to it: at which offset, the test says. */
const start = (partitionCount = 1) => {
  const answers: ((offset: number) => void)[] = [];
  const ends: Error[] = [];
  let ids = 0;
  const processor = createOrderProcessor({
    topic: 'orders',
    decode: orderDecoderFor(partitionCount),
    appender: {
      append: () => new Promise<Position>((resolve) => answers.push((offset) => resolve({ topic: 'orders', partition: 0, offset }))),
    },
    fulfil: () => new Promise(() => {}),
    reportDeadlineMs: 60_000,
    lookUpCreationOffsets: async () => new Map(),
    ledger: { moveStock: async () => [] },
    clock: systemClock,
    newId: () => `own-${++ids}`,
    concurrency: 3,
    logger: createLogger('test', 'silent'),
    onDecided: () => {},
    onFulfilled: () => {},
    onFatal: (error) => ends.push(error),
  });
  processor.onAssigned([{ partition: 0, startOffset: 0, highWatermark: 0, metadata: 'logtime=0', carried: [], topicId: 'id' }]);
  const acknowledge = async (offset: number): Promise<void> => {
    answers.shift()!(offset);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const position = (): number => [...processor.partitions()][0]!.position;
  return { processor, acknowledge, answers, ends, position };
};

const processing = event('OrderProcessing', 'o-1', { id: 'own-1', version: 2 });

describe('a fact that was applied at its acknowledgement', () => {
  it('has to stand there when it is read', async () => {
    const { processor, acknowledge, ends, position } = start();
    processor.onRecords(0, recordsOf([created('o-1')]));
    await acknowledge(1);
    expect(position()).toBe(2);
    processor.onRecords(0, recordsOf([processing, created('o-2')], 0, 1));
    expect({ position: position(), ends }).toEqual({ position: 3, ends: [] });
  });

  it('ends the processor where another record stands in its place', async () => {
    const { processor, acknowledge, position } = start();
    processor.onRecords(0, recordsOf([created('o-1')]));
    await acknowledge(1);
    const others = recordsOf([created('o-2', {}, { id: 'other' }), created('o-3')], 0, 1);
    const sentence = 'This process follows the event own-1 before orders/0@2, but the log has other there';
    expect(() => processor.onRecords(0, others)).toThrow(sentence);
    expect(position()).toBe(2); // nothing of it is folded
  });
});

describe('a fact that is acknowledged further on', () => {
  it('ends the processor where another record is read there', async () => {
    const { processor, acknowledge, ends } = start();
    processor.onRecords(0, recordsOf([created('o-1')]));
    await acknowledge(2);
    const others = recordsOf([created('o-2'), created('o-3', {}, { id: 'other' })], 0, 1);
    expect(() => processor.onRecords(0, others)).toThrow('follows the event own-1 before orders/0@3, but the log has other there');
    expect(ends).toEqual([]);
  });

  it('ends the processor where another of its own is acknowledged there', async () => {
    const { processor, acknowledge, ends, position } = start();
    processor.onRecords(0, recordsOf([created('o-1'), created('o-2')]));
    await acknowledge(2);
    expect(position()).toBe(3);
    await acknowledge(2); // the log has lost the first
    expect(ends).toEqual([expect.objectContaining({ code: 'LOG_MISMATCH' })]);
    expect(position()).toBe(3);
  });
});

describe('a fact that is acknowledged where something else was read', () => {
  it('ends the processor, which would append it again and again', async () => {
    const { processor, acknowledge, ends, answers } = start();
    processor.onRecords(0, recordsOf([created('o-1'), created('o-2')]));
    await acknowledge(0);
    expect(ends).toEqual([expect.objectContaining({ code: 'LOG_MISMATCH' })]);
    expect(answers).toHaveLength(1); // the other order's, and no more
  });

  it('is right where it was read there before it was acknowledged', async () => {
    const { processor, acknowledge, ends } = start();
    processor.onRecords(0, recordsOf([created('o-1')]));
    processor.onRecords(0, recordsOf([processing], 0, 1));
    await acknowledge(1);
    expect(ends).toEqual([]);
  });
});
