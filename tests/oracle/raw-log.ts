// tests/oracle/raw-log.ts: the second record: a topic from its beginning to its end, as the broker has it.

import { randomUUID } from 'node:crypto';
import { type Consumer, type IHeaders, Kafka, logLevel } from 'kafkajs';

export interface RawRecord {
  partition: number;
  offset: number;
  key: string | null;
  headers: Record<string, string>;
  value: string | null;
}

/** Everything up to the end as it is now, by partition and offset. */
export const readTopic = async (brokers: string, topic: string): Promise<RawRecord[]> => {
  const kafka = new Kafka({ clientId: 'oracle', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const groupId = `oracle-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 });
  await admin.connect();
  try {
    const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]));
    const left = new Map([...ends].filter(([, end]) => end > 0));
    if (left.size === 0) return [];
    const records = await readUntil(consumer, topic, left);
    return records.filter(({ partition, offset }) => offset < ends.get(partition)!).sort(byPosition);
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => {}); // it was never joined when the topic is empty
    await admin.disconnect();
  }
};

const byPosition = (a: RawRecord, b: RawRecord): number => a.partition - b.partition || a.offset - b.offset;

const readUntil = async (consumer: Consumer, topic: string, left: Map<number, number>): Promise<RawRecord[]> => {
  const records: RawRecord[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
    const eachBatch = async ({ batch }: { batch: { partition: number; lastOffset: () => string; messages: Message[] } }) => {
      for (const { offset, key, headers, value } of batch.messages) {
        records.push({
          partition: batch.partition,
          offset: Number(offset),
          key: key?.toString() ?? null,
          headers: textOf(headers),
          value: value?.toString() ?? null,
        });
      }
      if (Number(batch.lastOffset()) + 1 >= (left.get(batch.partition) ?? 0)) left.delete(batch.partition);
      if (left.size === 0) resolve();
    };
    consumer.run({ autoCommit: false, eachBatch }).catch(reject);
  });
  return records;
};

interface Message {
  offset: string;
  key: Buffer | null;
  headers?: IHeaders;
  value: Buffer | null;
}

const textOf = (headers: IHeaders = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(Array.isArray(value) ? value[0] : value)]));
