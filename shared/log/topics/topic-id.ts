// shared/log/topics/topic-id.ts: the id that Kafka gave a topic when it was created (KIP-516).
// A topic that was deleted and created again has another id. Checkpoints keep it, so that they are never applied to another log (R9).

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../runtime/app-error.ts';
import type { LogClient } from '../connect/client.ts';
import { type Cluster, COMMAND_CONNECTION, call, protocolError } from '../connect/kafkajs-internals.ts';
import { createWireReader, int8 } from '../protocol/wire.ts';

const METADATA_KEY = 3;
const METADATA_VERSION = 10; // the first with topic ids; kafkajs speaks up to 6
const ID_BYTES = 16;
const NO_TAGS = int8(0);
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
  const request = { apiKey: METADATA_KEY, apiVersion: METADATA_VERSION, apiName: 'Metadata', body: encode(topic) };
  return connection.send(call(request, decode)).then(({ id }) => id);
};

// This version is "flexible": lengths are varints of length + 1, and every structure ends with tagged fields, of which there are
// none here. The request header has them too, and kafkajs's (version 1) does not: so they come first in the body.
const encode = (topic: string): Buffer => {
  const name = Buffer.from(topic);
  return Buffer.concat([
    NO_TAGS, // of the header
    int8(1 + 1), // one topic
    Buffer.alloc(ID_BYTES), // named, not identified
    compactLength(name.length),
    name,
    NO_TAGS,
    int8(0), // do not create topics
    int8(0), // no operations of the cluster
    int8(0), // nor of the topic
    NO_TAGS,
  ]);
};

const compactLength = (length: number): Buffer => {
  const value = length + 1; // at most 250: Kafka's topic names have up to 249 characters
  return value < 0x80 ? int8(value) : Buffer.of((value & 0x7f) | 0x80, value >>> 7);
};

const decode = (payload: Buffer): { id: string } => {
  const reader = createWireReader(payload);
  const skipText = () => reader.skip(Math.max(reader.uvarint() - 1, 0));
  reader.skip(1); // tagged fields of the header
  reader.skip(4); // throttle time
  for (let brokers = reader.uvarint() - 1; brokers > 0; brokers--) {
    reader.skip(4); // node id
    skipText(); // host
    reader.skip(4); // port
    skipText(); // rack
    reader.skip(1); // tagged fields
  }
  skipText(); // cluster id
  reader.skip(4); // controller
  reader.uvarint(); // topics: one
  const errorCode = reader.int16();
  if (errorCode !== 0) throw protocolError(errorCode);
  skipText(); // name
  return { id: reader.bytes(ID_BYTES).toString('base64url') };
};
