// shared/log/protocol/leaders.ts: the request for the leaders of a topic's partitions and their epochs, as one broker knows them.
// Metadata, version 7 (KIP-320; served by brokers from 2.1 on), which kafkajs has only without epochs.

import { type Call, call } from '../connect/kafkajs-internals.ts';
import { createWireReader, int8, int32, string } from './wire.ts';

export interface Leadership {
  partition: number;
  /** The broker's id; -1 while there is none. */
  leader: number;
  /** Grows with every change of the leader. */
  epoch: number;
}

export interface LeaderAnswers {
  leaders: Leadership[];
  /** kafkajs honours it: brokers with quotas say how long to leave them alone. */
  clientSideThrottleTime: number;
}

const API_KEY = 3;
const API_VERSION = 7;
const NO_TOPIC_CREATION = 0;

export const leadersCall = (topic: string): Call<LeaderAnswers> => {
  const body = Buffer.concat([int32(1), string(topic), int8(NO_TOPIC_CREATION)]);
  return call({ apiKey: API_KEY, apiVersion: API_VERSION, apiName: 'Metadata', body }, decode);
};

const decode = (payload: Buffer): LeaderAnswers => {
  const reader = createWireReader(payload);
  const clientSideThrottleTime = reader.int32();
  for (let brokers = reader.int32(); brokers > 0; brokers--) {
    reader.skip(4); // id
    reader.string(); // host
    reader.skip(4); // port
    reader.string(); // rack
  }
  reader.string(); // the cluster's id
  reader.skip(4); // controller
  const leaders: Leadership[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    reader.skip(2); // error: then there are no partitions
    reader.string();
    reader.skip(1); // internal
    for (let partitions = reader.int32(); partitions > 0; partitions--) {
      reader.skip(2); // error: then there is no leader
      leaders.push({ partition: reader.int32(), leader: reader.int32(), epoch: reader.int32() });
      for (const _ of ['replicas', 'in sync', 'offline']) reader.skip(4 * reader.int32());
    }
  }
  return { leaders, clientSideThrottleTime };
};
