// What is said of topics that are not as wanted: every setting, partitions and what stands in them, and records that are gone.

import { describe, expect, it } from 'vitest';
import {
  type Difference,
  differencesOf,
  type ObservedTopic,
  sentenceOf,
  type WantedTopics,
} from '../../../../../shared/log/topics/differences.ts';
import type { Ends } from '../../../../../shared/log/topics/offsets.ts';

const WANTED: WantedTopics = { topics: [{ name: 'orders', partitions: 3 }], replicationFactor: 3, minInsyncReplicas: 2 };
const AS_WANTED: Record<string, string> = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'min.insync.replicas': '2',
  'compression.type': 'producer',
};
const ends = (...all: [low: number, high: number][]): ReadonlyMap<number, Ends> =>
  new Map(all.map(([low, high], partition) => [partition, { low, high }]));

interface Seen {
  settings?: Record<string, string>;
  ends?: ReadonlyMap<number, Ends>;
  replicas?: number;
}
const observed = ({ settings = {}, replicas = 3, ...seen }: Seen = {}): ObservedTopic => ({
  name: 'orders',
  replicas,
  settings: new Map(Object.entries({ ...AS_WANTED, ...settings })),
  ends: seen.ends ?? ends([0, 7], [0, 0], [0, 12]),
});
const found = (seen: Seen): Difference[] => differencesOf(WANTED, [observed(seen)]);
const only = (seen: Seen): Difference => {
  const all = found(seen);
  expect(all).toHaveLength(1);
  return all[0]!;
};

describe('topics as they are', () => {
  it('do not differ when all is as wanted', () => {
    expect(found({})).toEqual([]);
  });

  it.each([
    ['cleanup.policy', 'compact', 'delete'],
    ['cleanup.policy', 'compact,delete', 'delete'],
    ['retention.ms', '3600000', '-1'],
    ['retention.bytes', '1048576', '-1'],
    ['min.insync.replicas', '1', '2'],
    ['compression.type', 'lz4', 'producer or uncompressed or gzip or zstd'],
  ])('differ when %s is %s, and how to set it back is said', (setting, is, wanted) => {
    const difference = only({ settings: { [setting]: is } });
    expect(difference).toMatchObject({ topic: 'orders', setting, gravity: 'wrong', what: `orders: ${setting} is ${is}, wanted ${wanted}` });
    const [value] = wanted.split(' or ');
    expect(sentenceOf(difference)).toContain(`Set it back first: kafka-configs.sh --bootstrap-server … --alter --entity-type topics`);
    expect(sentenceOf(difference)).toContain(`--entity-name orders --add-config ${setting}=${value}`);
  });

  it('differ when the brokers say nothing of a setting', () => {
    const topic = observed();
    const settings = new Map([...topic.settings].filter(([name]) => name !== 'retention.ms'));
    const [difference] = differencesOf(WANTED, [{ ...topic, settings }]);
    expect(difference).toMatchObject({ setting: 'retention.ms', what: 'orders: retention.ms is undefined, wanted -1' });
  });

  it('name every difference, topic by topic', () => {
    const wanted = { ...WANTED, topics: [...WANTED.topics, { name: 'products', partitions: 3 }] };
    const all = differencesOf(wanted, [
      { ...observed({ replicas: 1 }), name: 'products' },
      observed({ settings: { 'retention.ms': '1', 'retention.bytes': '2' } }),
    ]);
    expect(all.map(({ topic, setting }) => `${topic} ${setting}`)).toEqual([
      'orders retention.ms',
      'orders retention.bytes',
      'products replication_factor',
    ]);
  });

  it('differ by replicas, with the number', () => {
    expect(only({ replicas: 1 })).toMatchObject({ gravity: 'wrong', what: 'orders: replication factor is 1, wanted 3', is: 1 });
  });
});

describe('partitions', () => {
  it('that are missing are wrong', () => {
    expect(only({ ends: ends([0, 7], [0, 7]) })).toMatchObject({
      setting: 'partitions',
      gravity: 'wrong',
      what: 'orders: partitions is 2, wanted 3',
    });
  });

  it('that are too many and empty are harmless, and what can be done is said', () => {
    const difference = only({ ends: ends([0, 7], [0, 7], [0, 7], [0, 0], [0, 0]) });
    expect(difference).toMatchObject({ setting: 'extra_partitions', gravity: 'harmless', is: 2 });
    expect(sentenceOf(difference)).toBe(
      'orders: partitions is 5, wanted 3; the others are empty. Nobody reads or writes those, so nothing is lost. ' +
        'Kafka cannot take them away: leave them empty, and the configured number as it is.',
    );
  });

  it('that are too many and hold records are wrong, with the numbers', () => {
    const difference = only({ ends: ends([0, 7], [0, 7], [0, 7], [0, 1_200], [0, 0], [2, 5]) });
    expect(difference).toMatchObject({ setting: 'partitions', gravity: 'wrong' });
    expect(difference.what).toBe('orders: partitions is 6, wanted 3; the others hold 1,203 records (1,200 in orders/3, 3 in orders/5)');
  });

  it('that are too many are empty again once what stood in them was deleted', () => {
    expect(only({ ends: ends([0, 7], [0, 7], [0, 7], [4, 4]) })).toMatchObject({ gravity: 'harmless' });
  });

  it('of which many hold records are not all listed', () => {
    const many = ends([0, 7], [0, 7], [0, 7], [0, 1], [0, 1], [0, 1], [0, 1]);
    expect(only({ ends: many }).what).toContain('4 records (1 in orders/3, 1 in orders/4, 1 in orders/5, …)');
  });
});

describe('records that were deleted', () => {
  it('are lost, with how many and where', () => {
    const difference = only({ ends: ends([1_000, 1_200], [0, 0], [4, 12]) });
    expect(difference).toMatchObject({ setting: 'deleted_records', gravity: 'lost', is: 1_004 });
    expect(sentenceOf(difference)).toBe(
      'orders: 1,004 records were deleted from its beginning (orders/0 begins at 1,000, orders/2 begins at 4). ' +
        'Find out first what deletes them (retention, or a tool). Rebuild and drop nothing: PostgreSQL may have the last copy.',
    );
  });

  it('are lost, be it one', () => {
    expect(only({ ends: ends([1, 7], [0, 0], [0, 12]) }).what).toBe(
      'orders: 1 record was deleted from its beginning (orders/0 begins at 1)',
    );
  });

  it('are said beside what may have deleted them', () => {
    const all = found({ settings: { 'retention.ms': '1000' }, ends: ends([7, 7], [0, 0], [0, 0]) });
    expect(all.map(({ setting }) => setting)).toEqual(['retention.ms', 'deleted_records']);
  });
});
