// shared/log/topics/leaders.ts: finds out who leads the partitions of a topic, by asking enough brokers to be sure.
// Never trusts a single broker: a leader that was paused and replaced still believes for some milliseconds after it resumes that it leads,
// and would give an old end of the log.

import { type Cluster, COMMAND_CONNECTION } from '../connect/kafkajs-internals.ts';
import { type Leadership, leadersCall } from '../protocol/leaders.ts';

/** With the epoch unknown a broker does not compare it. */
const ANY_EPOCH = -1;

export interface Leaders {
  /**
   * The leader of every partition under which, or under an earlier one, everything was appended that had been acknowledged before the call.
   * Holds for acknowledgements by more than half of the replicas (docs/decisions/0014). Rejects when too few brokers can say.
   */
  find(): Promise<Leadership[]>;
}

/** The cluster must be connected and know the topic. */
export const createLeaders = (cluster: Cluster, topic: string): Leaders => {
  const asked = new Set<string>(); // one question at a time to each: a broker that is away costs one connection attempt

  const viewOf = async (nodeId: string): Promise<Leadership[]> => {
    asked.add(nodeId);
    try {
      const broker = await cluster.findBroker({ nodeId });
      const connection = await broker.connectionPool.getConnection(COMMAND_CONNECTION);
      return (await connection.send(leadersCall(topic))).leaders;
    } finally {
      asked.delete(nodeId);
    }
  };

  return {
    find: async () => {
      const known = cluster.findTopicPartitionMetadata(topic);
      const replicas = Math.max(...known.map((partition) => partition.replicas.length));
      // The only replica cannot be replaced.
      if (replicas === 1) return known.map(({ partitionId, leader }) => ({ partition: partitionId, leader, epoch: ANY_EPOCH }));
      const nodes = cluster.getNodeIds();
      // Of every set of replicas that can have acknowledged something at least one must be among the brokers that answer: it knows
      // the leader under which it did, because it has followed that leader.
      const enough = Math.max(Math.ceil(replicas / 2), nodes.length - Math.floor(replicas / 2));
      const views = await firstOf(
        enough,
        nodes.filter((nodeId) => !asked.has(nodeId)).map((nodeId) => viewOf(nodeId)),
      );
      const latest = new Map<number, Leadership>();
      for (const seen of views.flat()) {
        if (seen.epoch > (latest.get(seen.partition)?.epoch ?? ANY_EPOCH)) latest.set(seen.partition, seen);
      }
      if (latest.size < known.length) throw new Error(`Some partitions of ${topic} are not known to the brokers that were asked.`);
      return [...latest.values()];
    },
  };
};

/** The first `count` results. Rejects when that many cannot come any more. */
const firstOf = <T>(count: number, promises: readonly Promise<T>[]): Promise<T[]> =>
  new Promise((resolve, reject) => {
    const results: T[] = [];
    let left = promises.length;
    const settle = (error: unknown): void => {
      if (results.length === count) resolve(results);
      if (results.length + left < count)
        reject(new Error(`${results.length + left} of the ${count} brokers that are needed can say who leads.`, { cause: error }));
    };
    settle(undefined);
    for (const promise of promises) {
      promise.then(
        (result) => {
          left -= 1;
          if (results.push(result) === count) settle(undefined);
        },
        (error) => {
          left -= 1;
          settle(error);
        },
      );
    }
  });
