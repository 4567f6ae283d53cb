// shared/log/append/sender.ts: sends one round over connections of its own: one request per leader, one result per partition.
// Never knows callers or queues (appender.ts), and is thrown away after any doubt.

import { type Broker, type Cluster, COMMAND_CONNECTION, type Connection, protocolError } from '../connect/kafkajs-internals.ts';
import { type PartitionBatch, type ProduceAnswer, produceCall } from '../protocol/produce.ts';

/**
 * `appended`: in the log from `baseOffset` on, on every in-sync replica. `not-appended`: certainly not in the log, worth another
 * try. `leader-moved`: worth another try too, but may be in the log: a leader says so also to a caller that waits for its replicas.
 * `too-large`: certainly not in the log, and never will be. `unknown`: may be in the log, now or later.
 */
export type AppendResult =
  | { kind: 'appended'; baseOffset: number }
  | { kind: 'not-appended' | 'leader-moved' | 'too-large' | 'unknown'; cause: Error };

export interface Sender {
  /** Rejects with kafkajs's error if no broker can be reached. */
  connect(): Promise<void>;
  /** One result per batch, in the same order. Never rejects. Only one round at a time. */
  send(batches: readonly PartitionBatch[]): Promise<AppendResult[]>;
  /** Cuts the connections; a round under way ends with `unknown`. */
  destroy(): void;
}

/** What sending takes of a client (connect/client.ts): links with brokers that take records. */
export interface SendingClient {
  openLink(): { cluster: SendingCluster; destroy(): void };
}

export interface SendingCluster extends Pick<Cluster, 'connect' | 'addMultipleTargetTopics'> {
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[];
  findBroker(node: { nodeId: string }): Promise<Pick<Broker, 'connectionPool'>>;
}

// Below the client's request time-out (10 s), so that the broker's "not replicated in time" arrives before we give up.
const REPLICATION_TIMEOUT_MS = 8_000;

// Checked before writing: NOT_ENOUGH_REPLICAS (found out afterwards it has another code), INVALID_TIMESTAMP (docs/decisions/0010).
const NEVER_WRITTEN = new Set([19, 32]);
const LEADER_MOVED = new Set([3, 5, 6]); // UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER
const TOO_LARGE = new Set([10, 18]); // MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE

export const createSender = (client: SendingClient): Sender => {
  const link = client.openLink();
  const topics = new Set<string>();

  const leaderOf = ({ topic, partition }: PartitionBatch): number =>
    link.cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)?.leader ?? -1;

  const sendTo = async (leader: number, batches: readonly PartitionBatch[]): Promise<AppendResult[]> => {
    let connection: Connection;
    try {
      const broker = await link.cluster.findBroker({ nodeId: String(leader) });
      connection = await broker.connectionPool.getConnection(COMMAND_CONNECTION);
    } catch (error) {
      return batches.map(() => ({ kind: 'not-appended', cause: asError(error) }));
    }
    try {
      const { answers } = await connection.send(produceCall(batches, REPLICATION_TIMEOUT_MS));
      return batches.map((batch) => resultOf(batch, answers));
    } catch (error) {
      return batches.map(() => ({ kind: 'unknown', cause: asError(error) }));
    }
  };

  return {
    connect: () => link.cluster.connect(),
    send: async (batches) => {
      try {
        const unheardOf = batches.map(({ topic }) => topic).filter((topic) => !topics.has(topic));
        if (unheardOf.length > 0) await link.cluster.addMultipleTargetTopics(unheardOf);
        for (const topic of unheardOf) topics.add(topic);
      } catch (error) {
        return batches.map(() => ({ kind: 'not-appended', cause: asError(error) }));
      }
      const results = new Map<PartitionBatch, AppendResult>();
      const rounds = Array.from(Map.groupBy(batches, leaderOf), async ([leader, led]) => {
        const found = await sendTo(leader, led);
        for (const [index, batch] of led.entries()) results.set(batch, found[index]!);
      });
      await Promise.all(rounds);
      return batches.map((batch) => results.get(batch)!);
    },
    destroy: () => link.destroy(),
  };
};

const resultOf = ({ topic, partition }: PartitionBatch, answers: readonly ProduceAnswer[]): AppendResult => {
  const mine = answers.filter((answer) => answer.partition === partition && answer.topic === topic);
  const [answer] = mine;
  if (answer === undefined || mine.length > 1) {
    return { kind: 'unknown', cause: new Error(`The broker gave ${mine.length} answers for ${topic}/${partition}.`) };
  }
  if (answer.errorCode === 0) {
    if (answer.baseOffset >= 0) return { kind: 'appended', baseOffset: answer.baseOffset };
    return { kind: 'unknown', cause: new Error(`The broker gave no offset for ${topic}/${partition}.`) };
  }
  const cause = protocolError(answer.errorCode);
  if (NEVER_WRITTEN.has(answer.errorCode)) return { kind: 'not-appended', cause };
  if (LEADER_MOVED.has(answer.errorCode)) return { kind: 'leader-moved', cause };
  return { kind: TOO_LARGE.has(answer.errorCode) ? 'too-large' : 'unknown', cause };
};

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
