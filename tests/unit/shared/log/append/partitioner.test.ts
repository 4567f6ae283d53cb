// tests/unit/shared/log/append/partitioner.test.ts: keys go where every other Kafka client would put them.

import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { expect, test } from 'vitest';
import { partitionOf } from '../../../../../shared/log/append/partitioner.ts';

const theirs = Partitioners.DefaultPartitioner();
const metadata = (count: number) =>
  Array.from({ length: count }, (_, partitionId) => ({ partitionId, leader: 1, partitionErrorCode: 0, replicas: [], isr: [] }));

test('a key goes to the partition that kafkajs, and so Java, chooses', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), fc.integer({ min: 1, max: 64 }), (key, count) => {
      const message = { key, value: '' };
      expect(partitionOf(key, count)).toBe(theirs({ topic: 't', partitionMetadata: metadata(count), message }));
    }),
  );
});

test('bytes and text of one key go to the same partition, and no key to the first', () => {
  expect(partitionOf(Buffer.from('order-1'), 12)).toBe(partitionOf('order-1', 12));
  expect(partitionOf(null, 12)).toBe(0);
});
