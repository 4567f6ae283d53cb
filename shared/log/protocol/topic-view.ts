// shared/log/protocol/topic-view.ts: the request for a topic's id, and for its partitions' leaders and epochs, as one broker knows them.
// Metadata, version 10: the first with topic ids (KIP-516; served by brokers from 2.8 on); kafkajs speaks up to 6.

import { type Call, call, protocolError } from '../connect/kafkajs-internals.ts';
import type { Leadership } from './leaders.ts';
import { createWireReader, int8, type WireReader } from './wire.ts';

export interface TopicView {
  /** As Kafka's own tools print it: 22 characters, base64url. A topic that was deleted and created again has another. */
  id: string;
  leaders: Leadership[];
  /** kafkajs honours it: brokers with quotas say how long to leave them alone. */
  clientSideThrottleTime: number;
}

const API_KEY = 3;
const API_VERSION = 10;
const ID_BYTES = 16;
const NO_TAGS = int8(0);

/** Decoding throws Kafka's error for the topic, such as that the broker does not know it. */
export const topicViewCall = (topic: string): Call<TopicView> =>
  call({ apiKey: API_KEY, apiVersion: API_VERSION, apiName: 'Metadata', body: encode(topic) }, decode);

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

const decode = (payload: Buffer): TopicView => {
  const reader = createWireReader(payload);
  reader.skip(1); // tagged fields of the header
  const clientSideThrottleTime = reader.int32();
  for (let brokers = countOf(reader); brokers > 0; brokers--) {
    reader.skip(4); // node id
    skipText(reader); // host
    reader.skip(4); // port
    skipText(reader); // rack
    reader.skip(1); // tagged fields
  }
  skipText(reader); // cluster id
  reader.skip(4); // controller
  countOf(reader); // topics: one
  const errorCode = reader.int16();
  if (errorCode !== 0) throw protocolError(errorCode);
  skipText(reader); // name
  const id = reader.bytes(ID_BYTES).toString('base64url');
  reader.skip(1); // internal
  const leaders: Leadership[] = [];
  for (let partitions = countOf(reader); partitions > 0; partitions--) {
    reader.skip(2); // error: then there is no leader
    leaders.push({ partition: reader.int32(), leader: reader.int32(), epoch: reader.int32() });
    for (const _ of ['replicas', 'in sync', 'offline']) reader.skip(4 * countOf(reader));
    reader.skip(1); // tagged fields
  }
  return { id, leaders, clientSideThrottleTime };
};

const countOf = (reader: WireReader): number => Math.max(reader.uvarint() - 1, 0);
const skipText = (reader: WireReader): void => reader.skip(countOf(reader));
