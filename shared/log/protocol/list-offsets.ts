// shared/log/protocol/list-offsets.ts: the request for the ends of partitions, version 4 (KIP-320; served by brokers from 2.1 on).
// A leader just elected that does not know yet how far readers may see answers LEADER_NOT_AVAILABLE (KIP-207), never an end that lies too
// low.

import { type Call, call } from '../connect/kafkajs-internals.ts';
import type { Leadership } from './leaders.ts';
import { createWireReader, int8, int32, int64, string } from './wire.ts';

export const EARLIEST = -2;
export const LATEST = -1;

export interface OffsetAnswer {
  partition: number;
  errorCode: number;
  offset: number;
}

export interface OffsetAnswers {
  answers: OffsetAnswer[];
  /** kafkajs honours it: brokers with quotas say how long to leave them alone. */
  clientSideThrottleTime: number;
}

const API_KEY = 2;
const API_VERSION = 4;
const READ_UNCOMMITTED = 0; // the high watermark, as fetch.ts reads

/** All partitions must be led by the broker it is sent to, in these epochs. */
export const listOffsetsCall = (topic: string, partitions: readonly Leadership[], which: number): Call<OffsetAnswers> => {
  const entries = partitions.map(({ partition, epoch }) => Buffer.concat([int32(partition), int32(epoch), int64(which)]));
  const body = Buffer.concat([int32(-1), int8(READ_UNCOMMITTED), int32(1), string(topic), int32(entries.length), ...entries]);
  return call({ apiKey: API_KEY, apiVersion: API_VERSION, apiName: 'ListOffsets', body }, decode);
};

const decode = (payload: Buffer): OffsetAnswers => {
  const reader = createWireReader(payload);
  const clientSideThrottleTime = reader.int32();
  const answers: OffsetAnswer[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    reader.string();
    for (let partitions = reader.int32(); partitions > 0; partitions--) {
      const partition = reader.int32();
      const errorCode = reader.int16();
      reader.skip(8); // timestamp
      answers.push({ partition, errorCode, offset: reader.int64() });
      reader.skip(4); // epoch
    }
  }
  return { answers, clientSideThrottleTime };
};
