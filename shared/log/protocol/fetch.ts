// shared/log/protocol/fetch.ts: the request that reads, version 11 (KIP-392; served by brokers from 2.3 on), without fetch sessions.

import type { AppError } from '../../runtime/app-error.ts';
import { type Call, call } from '../connect/kafkajs-internals.ts';
import type { LogRecord } from '../log.ts';
import { newFetchRoom } from './batch-limits.ts';
import type { Decoded, RecordDecoder } from './record-decoder.ts';
import { createWireReader, int8, int16, int32, int64, string } from './wire.ts';

export interface FetchLimits {
  /** How long the broker may wait for a first record. */
  maxWaitMs: number;
  maxBytes: number;
  maxBytesPerPartition: number;
}

/** What came for one partition. `errorCode` other than 0 means that the rest says nothing. */
export interface Fetched {
  partition: number;
  fromOffset: number;
  errorCode: number;
  highWatermark: number;
  records: LogRecord[];
  nextOffset: number;
  /** Why what stands at `nextOffset` cannot be taken as it came; null: nothing is known to be wrong with it. */
  damage: AppError | null;
}

const OFFSET_OUT_OF_RANGE = 1;

export const isOutOfRange = ({ errorCode }: Fetched): boolean => errorCode === OFFSET_OUT_OF_RANGE;

export interface FetchAnswer {
  fetched: Fetched[];
  /** kafkajs honours it: brokers with quotas say how long to leave them alone. */
  clientSideThrottleTime: number;
}

const API_KEY = 1;
const API_VERSION = 11;
// Up to the high watermark. Up to the last stable offset, the transaction of another program would end the log for as long as it is open.
const READ_UNCOMMITTED = 0;
const ANY_EPOCH = -1;
const MIN_BYTES = 1; // answer as soon as there is one record: batching comes from pacing, not from waiting here

export interface Fetch {
  topic: string;
  /** Partition → offset, all led by the broker it is sent to; the first ones are served first when it is too much. */
  from: ReadonlyMap<number, number>;
  /** Partition → epoch of its leader: one that was replaced meanwhile, even by itself, answers FENCED_LEADER_EPOCH (KIP-320). */
  epochs: ReadonlyMap<number, number>;
  limits: FetchLimits;
  decodeRecords: RecordDecoder;
}

export const fetchCall = ({ topic, from, epochs, limits, decodeRecords }: Fetch): Call<FetchAnswer> => {
  const partitions = Array.from(from, ([partition, offset]) => {
    const epoch = epochs.get(partition) ?? ANY_EPOCH;
    return Buffer.concat([int32(partition), int32(epoch), int64(offset), int64(-1), int32(limits.maxBytesPerPartition)]);
  });
  const body = Buffer.concat([
    int32(-1), // not a replica
    int32(limits.maxWaitMs),
    int32(MIN_BYTES),
    int32(limits.maxBytes),
    int8(READ_UNCOMMITTED),
    int32(0), // no session
    int32(-1),
    int32(1),
    string(topic),
    int32(partitions.length),
    ...partitions,
    int32(0), // nothing to forget
    int16(0), // no rack
  ]);
  return call({ apiKey: API_KEY, apiVersion: API_VERSION, apiName: 'Fetch', body }, (payload) => decode(payload, from, decodeRecords));
};

const decode = (payload: Buffer, from: ReadonlyMap<number, number>, decodeRecords: RecordDecoder): FetchAnswer => {
  const reader = createWireReader(payload);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  reader.skip(4); // session
  const fetched: Fetched[] = [];
  const room = newFetchRoom();
  for (let topics = reader.int32(); topics > 0; topics--) {
    reader.string();
    for (let partitions = reader.int32(); partitions > 0; partitions--) {
      const partition = reader.int32();
      const partitionError = reader.int16();
      const highWatermark = reader.int64();
      reader.skip(16); // last stable offset, log start offset
      const aborted = reader.int32();
      reader.skip(Math.max(aborted, 0) * 16 + 4); // aborted transactions, preferred replica
      const recordSet = reader.bytes(reader.int32());
      const fromOffset = from.get(partition) ?? 0;
      const nothing: Decoded = { records: [], nextOffset: fromOffset, damage: null };
      const decoded = partitionError === 0 ? decodeRecords(recordSet, partition, fromOffset, room) : nothing;
      fetched.push({ partition, fromOffset, errorCode: partitionError || errorCode, highWatermark, ...decoded });
    }
  }
  return { fetched, clientSideThrottleTime };
};
