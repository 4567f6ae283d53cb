// tests/simulation/environment/produce-requests.ts: a produce request as a broker reads it, and its answer as bytes: what shared/log/protocol/
// produce.ts writes and reads. A request that no broker could read is an error.

import type { LogRecord, RecordToAppend } from '../../../shared/log/log.ts';
import { newFetchRoom } from '../../../shared/log/protocol/batch-limits.ts';
import type { ProduceAnswer } from '../../../shared/log/protocol/produce.ts';
import { createRecordDecoder } from '../../../shared/log/protocol/record-decoder.ts';
import { createWireReader, int16, int32, int64, string } from '../../../shared/log/protocol/wire.ts';

/** Records of one partition, in their order. */
export interface ProducedBatch {
  topic: string;
  partition: number;
  records: RecordToAppend[];
}

const NO_TIME = -1;

export const readProduceRequest = (body: Buffer): ProducedBatch[] => {
  const reader = createWireReader(body);
  reader.string(); // no transaction
  reader.skip(2 + 4); // acknowledgements, time-out
  const batches: ProducedBatch[] = [];
  for (let topics = reader.int32(); topics > 0; topics -= 1) {
    const topic = reader.string();
    const decode = createRecordDecoder(topic);
    for (let partitions = reader.int32(); partitions > 0; partitions -= 1) {
      const partition = reader.int32();
      const { records, damage } = decode(reader.bytes(reader.int32()), partition, 0, newFetchRoom());
      if (damage !== null) throw damage;
      batches.push({ topic, partition, records: records.map(toAppend) });
    }
  }
  return batches;
};

const toAppend = ({ topic, key, value, headers, exactHeaders }: LogRecord): RecordToAppend =>
  exactHeaders === undefined ? { topic, key, value, headers } : { topic, key, value, headers: {}, exactHeaders };

export const writeProduceAnswer = (answers: readonly ProduceAnswer[]): Buffer => {
  const topics = Map.groupBy(answers, ({ topic }) => topic);
  const parts = [int32(topics.size)];
  for (const [topic, partitions] of topics) {
    parts.push(string(topic), int32(partitions.length));
    for (const { partition, errorCode, baseOffset } of partitions)
      parts.push(int32(partition), int16(errorCode), int64(baseOffset), int64(NO_TIME), int64(0));
  }
  return Buffer.concat([...parts, int32(0)]);
};
