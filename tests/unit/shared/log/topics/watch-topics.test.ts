// When the topics are looked at, what a broker that hangs or fails changes, and what is said how often. In steered time.

import type { Admin } from 'kafkajs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LogClient } from '../../../../../shared/log/connect/client.ts';
import type { Difference } from '../../../../../shared/log/topics/differences.ts';
import { type TopicsWatch, watchTopics } from '../../../../../shared/log/topics/watch-topics.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const LOOK_EVERY_MS = 60_000;
const LOOK_MAX_MS = 20_000;
const LOOK_AGAIN_MS = 10_000;
const HANGS = new Promise<never>(() => {});

interface Broker {
  retention: string;
  low: number;
  replicas: number[];
  exists: boolean;
  state: 'answers' | 'fails' | 'hangs';
}

const adminOf = (broker: Broker): Admin =>
  ({
    listTopics: async () => (broker.exists ? ['orders'] : []),
    fetchTopicMetadata: async () => ({
      topics: [{ name: 'orders', partitions: [{ partitionId: 0, leader: 1, replicas: broker.replicas }] }],
    }),
    describeConfigs: async () => ({
      resources: [
        {
          resourceName: 'orders',
          configEntries: Object.entries({
            'cleanup.policy': 'delete',
            'retention.ms': broker.retention,
            'retention.bytes': '-1',
            'min.insync.replicas': '1',
            'compression.type': 'producer',
          }).map(([configName, configValue]) => ({ configName, configValue })),
        },
      ],
    }),
    fetchTopicOffsets: async () => [{ partition: 0, low: String(broker.low), high: '9' }],
  }) as unknown as Admin;

const watchOf = (found: readonly Difference[] = []) => {
  const broker: Broker = { retention: '-1', low: 0, replicas: [1], exists: true, state: 'answers' };
  const lines: string[] = [];
  const line = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`);
  let looks = 0;
  const metrics: string[][] = [];
  const client = {
    logger: { debug: () => {}, info: line('info'), warn: line('warn'), error: line('error') },
    withAdmin: (work: (admin: Admin) => Promise<unknown>) => {
      looks += 1;
      if (broker.state === 'hangs') return HANGS;
      return broker.state === 'fails' ? Promise.reject(new Error('Connection refused')) : work(adminOf(broker));
    },
  } as unknown as LogClient;
  const watch: TopicsWatch = watchTopics({
    client,
    topics: [{ name: 'orders', partitions: 1 }],
    replicationFactor: 1,
    minInsyncReplicas: 1,
    found,
    onLook: (all) => void metrics.push(all.map(({ setting }) => setting)),
  });
  return { watch, broker, lines, metrics, looks: () => looks };
};

describe('the watch of the topics', () => {
  beforeEach(steerTime);

  it('looks once a minute, and tells the metrics, the log and the readiness what it finds', async () => {
    const { watch, broker, lines, metrics, looks } = watchOf();
    watch.start();
    expect(metrics).toEqual([[]]); // series from the beginning
    await pass(LOOK_EVERY_MS);
    expect([looks(), watch.check(), lines]).toEqual([1, null, []]);
    broker.retention = '1000';
    await pass(LOOK_EVERY_MS - 1);
    expect([looks(), watch.check()]).toEqual([1, null]);
    await pass(1);
    expect(watch.check()).toMatch(/^orders: retention.ms is 1000, wanted -1\. .*Set it back first/);
    expect(metrics.at(-1)).toEqual(['retention.ms']);
    expect(lines).toEqual([`error ${watch.check()}`]);
    watch.stop();
  });

  it('says a difference once, whatever its numbers do, and once that it is over', async () => {
    const { watch, broker, lines } = watchOf();
    watch.start();
    broker.low = 3;
    await pass(LOOK_EVERY_MS);
    broker.low = 5;
    await pass(LOOK_EVERY_MS);
    expect(watch.check()).toContain('5 records were deleted');
    broker.low = 0;
    await pass(LOOK_EVERY_MS);
    expect(watch.check()).toBeNull();
    expect(lines).toEqual([expect.stringContaining('3 records were deleted'), 'info orders: deleted_records is as wanted again']);
    watch.stop();
  });

  it('says that a topic is gone, which a start would only make again', async () => {
    const { watch, broker } = watchOf();
    watch.start();
    broker.exists = false;
    await pass(LOOK_EVERY_MS);
    expect(watch.check()).toMatch(/^orders does not exist any more\. It was deleted/);
    watch.stop();
  });

  it('begins with what the start has found, before any look', () => {
    const lost: Difference = { topic: 'orders', setting: 'deleted_records', gravity: 'lost', what: 'Gone', first: 'Do this.', is: 3 };
    const extra: Difference = {
      topic: 'orders',
      setting: 'extra_partitions',
      gravity: 'harmless',
      what: 'More',
      first: 'Leave it.',
      is: 1,
    };
    const { watch, lines, metrics, looks } = watchOf([lost, extra]);
    watch.start();
    expect(watch.check()).toBe('Gone. Do this.'); // what is harmless makes nobody unready
    expect(lines).toEqual(['error Gone. Do this.', 'warn More. Leave it.']);
    expect(metrics).toEqual([['deleted_records', 'extra_partitions']]);
    expect(looks()).toBe(0);
    watch.stop();
  });

  it('takes no broker that is away for a difference, says once that it cannot look, and looks again soon', async () => {
    const { watch, broker, lines, looks } = watchOf();
    watch.start();
    broker.state = 'fails';
    await pass(LOOK_EVERY_MS + 3 * LOOK_AGAIN_MS);
    expect(looks()).toBe(4);
    expect(watch.check()).toBeNull();
    expect(lines).toEqual(['warn watching the settings of the topics fails; trying again']);
    broker.state = 'answers';
    await pass(LOOK_AGAIN_MS);
    expect(lines.at(-1)).toBe('info watching the settings of the topics works again');
    watch.stop();
  });

  it('keeps what it knows while it cannot look', async () => {
    const { watch, broker } = watchOf();
    watch.start();
    broker.retention = '1000';
    await pass(LOOK_EVERY_MS);
    broker.state = 'fails';
    await pass(LOOK_EVERY_MS);
    expect(watch.check()).toContain('retention.ms is 1000');
    watch.stop();
  });

  it('gives a look up that hangs, so that a difference is known within two minutes all the same', async () => {
    const { watch, broker, looks } = watchOf();
    watch.start();
    broker.state = 'hangs';
    broker.retention = '1000';
    await pass(LOOK_EVERY_MS + LOOK_MAX_MS - 1);
    broker.state = 'answers';
    expect(looks()).toBe(1);
    await pass(1 + LOOK_AGAIN_MS);
    expect(looks()).toBe(2);
    expect(LOOK_EVERY_MS + LOOK_MAX_MS + LOOK_AGAIN_MS).toBeLessThan(120_000);
    expect(watch.check()).toContain('retention.ms is 1000');
    watch.stop();
  });

  it('takes more replicas than wanted for partitions on their way to other brokers, and fewer for a difference', async () => {
    const { watch, broker } = watchOf();
    watch.start();
    broker.replicas = [1, 2];
    await pass(LOOK_EVERY_MS);
    expect(watch.check()).toBeNull();
    broker.replicas = [];
    await pass(LOOK_EVERY_MS);
    expect(watch.check()).toContain('replication factor is 0, wanted 1');
    watch.stop();
  });

  it('looks no more once it is stopped', async () => {
    const { watch, looks } = watchOf();
    watch.start();
    watch.stop();
    await pass(2 * LOOK_EVERY_MS);
    expect(looks()).toBe(0);
  });
});
