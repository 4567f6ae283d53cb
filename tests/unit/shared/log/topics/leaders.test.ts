// Who leads, where the brokers do not agree: one has slept through its replacement, one hangs, one is away.

import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../../../../shared/log/connect/kafkajs-internals.ts';
import type { Leadership } from '../../../../../shared/log/protocol/leaders.ts';
import { createLeaders } from '../../../../../shared/log/topics/leaders.ts';

type View = Leadership[] | 'hangs' | 'away';
const led = (leader: number, epoch: number): Leadership[] => [{ partition: 0, leader, epoch }];

/** One partition with a replica on each of the first brokers, numbered from 1, which kafkajs believes to be led by the first. */
const clusterOf = (views: readonly View[], replicas = views.length) => {
  const asked = new Map<string, number>();
  const send = async (nodeId: string) => {
    asked.set(nodeId, (asked.get(nodeId) ?? 0) + 1);
    const view = views[Number(nodeId) - 1]!;
    if (view === 'hangs') return new Promise<never>(() => {});
    if (view === 'away') throw new Error('away');
    return { leaders: view, clientSideThrottleTime: 0 };
  };
  const cluster = {
    findTopicPartitionMetadata: () => [{ partitionId: 0, leader: 1, replicas: Array.from({ length: replicas }, (_, index) => index + 1) }],
    getNodeIds: () => views.map((_, index) => String(index + 1)),
    findBroker: async ({ nodeId }: { nodeId: string }) => ({
      connectionPool: { getConnection: async () => ({ send: () => send(nodeId) }) },
    }),
  } as unknown as Cluster;
  return { leaders: createLeaders(cluster, 'orders'), asked };
};

describe('the leaders', () => {
  it.each<[string, View[], Leadership[]]>([
    ['all agree', [led(1, 4), led(1, 4), led(1, 4)], led(1, 4)],
    ['the old one woke up first', [led(1, 4), led(2, 5), 'hangs'], led(2, 5)],
    ['the old one hangs', ['hangs', led(2, 5), led(2, 5)], led(2, 5)],
    ['the old one is away', ['away', led(3, 6), led(3, 6)], led(3, 6)],
    ['there is none just now', [led(1, 4), led(-1, 5), 'away'], led(-1, 5)],
  ])('are those of the latest epoch that enough know: %s', async (_, views, expected) => {
    expect(await clusterOf(views).leaders.find()).toEqual(expected);
  });

  it.each<[string, View[]]>([
    ['two of three are away', [led(1, 4), 'away', 'away']],
    ['one of two that are left of three is away', [led(1, 4), 'away']],
  ])('are not said by too few: %s', async (_, views) => {
    await expect(clusterOf(views, 3).leaders.find()).rejects.toThrow('1 of the 2 brokers that are needed');
  });

  it('are not said by brokers that do not know the topic yet', async () => {
    await expect(clusterOf([[], [], 'hangs']).leaders.find()).rejects.toThrow('not known');
  });

  it('need only one of two replicas, and all but one of four brokers with three', async () => {
    expect(await clusterOf(['away', led(2, 5)]).leaders.find()).toEqual(led(2, 5));
    expect(await clusterOf([led(1, 4), led(2, 5), led(2, 5), 'away'], 3).leaders.find()).toEqual(led(2, 5));
    await expect(clusterOf([led(1, 4), led(2, 5), 'away', 'away'], 3).leaders.find()).rejects.toThrow('2 of the 3 brokers that are needed');
  });

  it('are known without a question where there is one replica', async () => {
    const { leaders, asked } = clusterOf([led(1, 4)]);
    expect(await leaders.find()).toEqual(led(1, -1));
    expect(asked.size).toBe(0);
  });

  it('do not pile up questions at a broker that hangs', async () => {
    const { leaders, asked } = clusterOf(['hangs', led(2, 5), led(2, 5)]);
    for (let count = 0; count < 5; count += 1) await leaders.find();
    expect(Object.fromEntries(asked)).toEqual({ 1: 1, 2: 5, 3: 5 });
  });
});
