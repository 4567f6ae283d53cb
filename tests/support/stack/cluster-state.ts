// tests/support/stack/cluster-state.ts: who leads what, whose replicas are in sync and who coordinates a group, as the brokers say.
// And how leaders are moved. For tests of several brokers.

import type { Admin, ISocketFactory } from 'kafkajs';
import { createLogClient, openSocket } from '../../../shared/log/connect/client.ts';
import { uniqueName } from '../builders/unique-name.ts';
import { eventually } from '../eventually.ts';
import type { Cluster } from './cluster.ts';

export interface ReplicaState {
  partition: number;
  leader: number;
  replicas: number[];
  inSync: number[];
}

const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };
const SETTLE_LIMIT_MS = 60_000;

/**
 * Each question over connections of its own: the broker that was asked last may be the one that was killed. One that is paused would
 * never answer: it is refused like one that is down.
 */
const ask = <T>({ kafka, brokers }: Asked, question: (admin: Admin) => Promise<T>): Promise<T> => {
  const isPaused = (port: number) => brokers.some((broker) => broker.port === port && broker.isPaused());
  const socketFactory: ISocketFactory = (to) => openSocket({ ...to, port: isPaused(to.port) ? CLOSED_PORT : to.port });
  return createLogClient({ brokers: kafka.split(','), clientId: uniqueName('test'), logger, socketFactory }).withAdmin(question);
};
type Asked = Pick<Cluster, 'kafka' | 'brokers'>;
const CLOSED_PORT = 1;

export const replicasOf = (cluster: Asked, topic: string): Promise<ReplicaState[]> =>
  ask(cluster, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics
      .flatMap(({ partitions }) => partitions)
      .map(({ partitionId, leader, replicas, isr }) => ({ partition: partitionId, leader, replicas, inSync: isr }))
      .sort((a, b) => a.partition - b.partition);
  });

/** Resolves when all replicas of every partition are in sync. */
export const untilInSync = async (cluster: Asked, topic: string): Promise<void> => {
  const isWhole = ({ leader, replicas, inSync }: ReplicaState) => leader > 0 && inSync.length === replicas.length;
  await eventually(async () => (await replicasOf(cluster, topic)).every(isWhole), {
    what: `all replicas of ${topic} to be in sync`,
    timeoutMs: SETTLE_LIMIT_MS,
  });
};

/** From now on this many replicas must be in sync for an append to the topic. Its other settings stay. */
export const demandInSync = (cluster: Asked, topic: string, replicas: number): Promise<void> =>
  ask(cluster, async (admin) => {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: TOPIC_RESOURCE, name: topic }] });
    // Kafka takes all settings of a topic at once, and falls back to its own for those that are left out.
    const settings = resources[0]!.configEntries
      .filter(({ configSource }) => configSource === SET_FOR_TOPIC)
      .map(({ configName, configValue }) => ({ name: configName, value: configValue }));
    const others = settings.filter(({ name }) => name !== MIN_IN_SYNC);
    const configEntries = [...others, { name: MIN_IN_SYNC, value: String(replicas) }];
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC_RESOURCE, name: topic, configEntries }] });
  });
const TOPIC_RESOURCE = 2; // ConfigResource.Type.TOPIC
const SET_FOR_TOPIC = 1; // ConfigSource.DYNAMIC_TOPIC_CONFIG
const MIN_IN_SYNC = 'min.insync.replicas';

/** The broker that leads the partition of the offsets topic in which the group is kept. */
export const coordinatorOf = (cluster: Asked): Promise<number> =>
  // The brokers of tests keep that topic in one partition: one broker coordinates every group.
  replicasOf(cluster, '__consumer_offsets').then(([only]) => only!.leader);

/**
 * Another leader for every partition of the topic: the leader's replica is taken away, which moves the leadership at once, and then given
 * back, last in the order. Resolves when all replicas are in sync again.
 */
export const moveLeaders = async (cluster: Asked, topic: string): Promise<void> => {
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
