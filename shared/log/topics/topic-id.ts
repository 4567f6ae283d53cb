// shared/log/topics/topic-id.ts: the id that Kafka gave a topic when it was created (KIP-516).
// A topic that was deleted and created again has another id. Checkpoints keep it, so that they are never applied to another log (R9).

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../runtime/app-error.ts';
import type { LogClient } from '../connect/client.ts';
import { type Cluster, COMMAND_CONNECTION } from '../connect/kafkajs-internals.ts';
import { topicViewCall } from '../protocol/topic-view.ts';

const ATTEMPTS_MAX = 10;
const RETRY_MS = 500;

/** The id as Kafka's own tools print it: 22 characters, base64url. Rejects with LOG_UNAVAILABLE if it cannot be had for some seconds. */
export const topicId = async (client: LogClient, topic: string): Promise<string> => {
  for (let attempt = 1; ; attempt++) {
    const link = client.openLink();
    try {
      await link.cluster.connect();
      await link.cluster.addMultipleTargetTopics([topic]);
      return await ask(link.cluster, topic, attempt);
    } catch (error) {
      if (attempt === ATTEMPTS_MAX) throw new AppError('LOG_UNAVAILABLE', `The id of the topic ${topic} could not be read.`, error);
    } finally {
      link.destroy();
    }
    await delay(RETRY_MS);
  }
};

const ask = async (cluster: Cluster, topic: string, attempt: number): Promise<string> => {
  const nodes = cluster.getNodeIds();
  const broker = await cluster.findBroker({ nodeId: nodes[attempt % nodes.length]! }); // any can answer; the next one, if one cannot
  const connection = await broker.connectionPool.getConnection(COMMAND_CONNECTION);
  return (await connection.send(topicViewCall(topic))).id;
};
