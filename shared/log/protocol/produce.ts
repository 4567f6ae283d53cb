// shared/log/protocol/produce.ts: the request that appends, version 7 (KIP-110; served by brokers from 2.1 on).

import { type Call, call } from '../connect/kafkajs-internals.ts';
import type { RecordToAppend } from '../log.ts';
import { BATCH_HEADER_BYTES, writeRecordBatch } from './record-batch.ts';
import { createWireReader } from './wire.ts';

/** Records of one partition, in the order they are to have. */
export interface PartitionBatch {
  topic: string;
  partition: number;
  records: RecordToAppend[];
  /** The sum of the records' `recordBytesMax`. */
  bytesMax: number;
}

export interface ProduceAnswer {
  topic: string;
  partition: number;
  errorCode: number;
  baseOffset: number;
}

export interface ProduceAnswers {
  answers: ProduceAnswer[];
  /** kafkajs honours it: brokers with quotas say how long to leave them alone. */
  clientSideThrottleTime: number;
}

const API_KEY = 0;
const API_VERSION = 7;
const ALL_IN_SYNC_REPLICAS = -1;
const TOPIC_BYTES_MAX = 2 + 249 + 4;
const FIXED_BYTES = 2 + 2 + 4 + 4;

/** All batches must be led by the broker it is sent to. `timeoutMs` is how long that broker may wait for its replicas. */
export const produceCall = (batches: readonly PartitionBatch[], timeoutMs: number): Call<ProduceAnswers> =>
  call({ apiKey: API_KEY, apiVersion: API_VERSION, apiName: 'Produce', body: encode(batches, timeoutMs) }, decode);

const encode = (batches: readonly PartitionBatch[], timeoutMs: number): Buffer => {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  let bytesMax = FIXED_BYTES + topics.size * TOPIC_BYTES_MAX;
  for (const batch of batches) bytesMax += 4 + 4 + BATCH_HEADER_BYTES + batch.bytesMax;
  const body = Buffer.allocUnsafe(bytesMax);
  const timestamp = Date.now();
  let at = body.writeInt16BE(-1, 0); // no transaction
  at = body.writeInt16BE(ALL_IN_SYNC_REPLICAS, at);
  at = body.writeInt32BE(timeoutMs, at);
  at = body.writeInt32BE(topics.size, at);
  for (const [topic, partitions] of topics) {
    at = body.writeInt16BE(topic.length, at); // topic names are ASCII
    at += body.write(topic, at, 'latin1');
    at = body.writeInt32BE(partitions.length, at);
    for (const { partition, records } of partitions) {
      at = body.writeInt32BE(partition, at);
      const end = writeRecordBatch(body, at + 4, records, timestamp);
      body.writeInt32BE(end - at - 4, at);
      at = end;
    }
  }
  return body.subarray(0, at);
};

const decode = (payload: Buffer): ProduceAnswers => {
  const reader = createWireReader(payload);
  const answers: ProduceAnswer[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.string();
    for (let partitions = reader.int32(); partitions > 0; partitions--) {
      const partition = reader.int32();
      const errorCode = reader.int16();
      const baseOffset = reader.int64();
      reader.skip(16); // log append time, log start offset
      answers.push({ topic, partition, errorCode, baseOffset });
    }
  }
  return { answers, clientSideThrottleTime: reader.int32() };
};
