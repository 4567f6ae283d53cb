// tests/support/cluster-state.ts: who leads what, whose replicas are in sync and who coordinates a group, as the brokers say; and how
// leaders are moved. For tests of several brokers.

import type { Admin } from 'kafkajs';
import { createLogClient } from '../../shared/log/client.ts';
import type { Cluster } from './cluster.ts';
import { eventually } from './eventually.ts';
import { uniqueName } from './unique-name.ts';

export interface ReplicaState {
  partition: number;
  leader: number;
  replicas: number[];
  inSync: number[];
}

const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };
const SETTLE_LIMIT_MS = 60_000;

/** Each question over connections of its own: the broker that was asked last may be the one that was killed. */
const ask = <T>({ kafka }: Pick<Cluster, 'kafka'>, question: (admin: Admin) => Promise<T>): Promise<T> =>
  createLogClient({ brokers: kafka.split(','), clientId: uniqueName('test'), logger }).withAdmin(question);

export const replicasOf = (cluster: Pick<Cluster, 'kafka'>, topic: string): Promise<ReplicaState[]> =>
  ask(cluster, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics
      .flatMap(({ partitions }) => partitions)
      .map(({ partitionId, leader, replicas, isr }) => ({ partition: partitionId, leader, replicas, inSync: isr }))
      .sort((a, b) => a.partition - b.partition);
  });

/** Resolves when all replicas of every partition are in sync. */
export const untilInSync = async (cluster: Pick<Cluster, 'kafka'>, topic: string): Promise<void> => {
  const isWhole = ({ leader, replicas, inSync }: ReplicaState) => leader > 0 && inSync.length === replicas.length;
  await eventually(async () => (await replicasOf(cluster, topic)).every(isWhole), {
    what: `all replicas of ${topic} to be in sync`,
    timeoutMs: SETTLE_LIMIT_MS,
  });
};

/** The broker that leads the partition of the offsets topic in which the group is kept. */
export const coordinatorOf = (cluster: Pick<Cluster, 'kafka'>): Promise<number> =>
  // The brokers of tests keep that topic in one partition: one broker coordinates every group.
  replicasOf(cluster, '__consumer_offsets').then(([only]) => only!.leader);

/**
 * Another leader for every partition of the topic: the leader's replica is taken away, which moves the leadership at once, and then given
 * back, last in the order. Resolves when all replicas are in sync again.
 */
export const moveLeaders = async (cluster: Pick<Cluster, 'kafka'>, topic: string): Promise<void> => {
  const before = await replicasOf(cluster, topic);
  const others = before.map(({ partition, leader, replicas }) => ({
    partition,
    replicas: replicas.filter((replica) => replica !== leader),
  }));
  const all = before.map(({ partition, leader }) => ({ partition, replicas: [...others[partition]!.replicas, leader] }));
  for (const partitionAssignment of [others, all]) {
    await ask(cluster, (admin) => admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] }));
    const isDone = ({ partition, replicas }: ReplicaState) => replicas.join() === partitionAssignment[partition]!.replicas.join();
    await eventually(async () => (await replicasOf(cluster, topic)).every(isDone), {
      what: `the replicas of ${topic} to be where they were sent`,
      timeoutMs: SETTLE_LIMIT_MS,
    });
  }
  await untilInSync(cluster, topic);
  const kept = (await replicasOf(cluster, topic)).filter(({ partition, leader }) => leader === before[partition]!.leader);
  if (kept.length > 0) throw new Error(`${kept.length} partitions of ${topic} have the leader that they had`);
};
