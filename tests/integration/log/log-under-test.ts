// tests/integration/log/log-under-test.ts: what the tests of shared/log share.
// A client, a topic of their own, and readers that remember what they were told.

import { inject } from 'vitest';
import { createAppender } from '../../../shared/log/append/appender.ts';
import { partitionOf } from '../../../shared/log/append/partitioner.ts';
import { createLogClient, type LogClient, type LogClientOptions, type LogLogger } from '../../../shared/log/connect/client.ts';
import type { LogRecord, Reader, ReaderHandlers, RecordToAppend } from '../../../shared/log/log.ts';
import { readRange } from '../../../shared/log/read/read-range.ts';
import { createReader, type ReaderOptions } from '../../../shared/log/read/reader.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';

const silent = () => undefined;
const silentLogger: LogLogger = { debug: silent, info: silent, warn: silent, error: silent };

export const broker = (): string => inject('stack').kafka;

export const clientUnderTest = (options: Partial<Omit<LogClientOptions, 'clientId'>> = {}): LogClient =>
  createLogClient({ brokers: [broker()], clientId: uniqueName('test'), logger: silentLogger, ...options });

export const newTopic = async (client: LogClient, partitions: number): Promise<string> => {
  const name = uniqueName('topic');
  await ensureTopics({ client, topics: [{ name, partitions }], replicationFactor: 1, minInsyncReplicas: 1 });
  return name;
};

export const record = (topic: string, key: string, value = key): RecordToAppend => ({ topic, key, value, headers: { ce_id: key } });

/** Everything in the topic, per partition in order. */
export const readAll = async (client: LogClient, topic: string): Promise<LogRecord[]> => {
  const ends = await logEnd(client, topic);
  const records: LogRecord[] = [];
  await readRange({
    client,
    topic,
    from: new Map(Array.from(ends, ([partition, { low }]) => [partition, low])),
    to: new Map(Array.from(ends, ([partition, { high }]) => [partition, high])),
    onRecords: (_, some) => void records.push(...some),
  });
  return records;
};

/** Deletes the records of a partition below `offset`, as a retention would. */
export const cutOff = (client: LogClient, topic: string, partition: number, offset: number): Promise<void> =>
  client.withAdmin(async (admin) => {
    await admin.fetchTopicOffsets(topic); // makes kafkajs learn who leads the partition
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  });

/** Gives the topic more partitions, up to `count`. */
export const addPartitions = (client: LogClient, topic: string, count: number): Promise<unknown> =>
  client.withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count }] }));

/** One record in each of these partitions, whatever its key: `in-PARTITION`. */
export const appendTo = async (client: LogClient, topic: string, partitions: readonly number[]): Promise<void> => {
  const appender = createAppender({ client, partitionCounts: new Map([[topic, 1]]) });
  await Promise.all(partitions.map((partition) => appender.append({ ...record(topic, `in-${partition}`), partition })));
  await appender.stop();
};

/** A key that belongs to the partition. */
export const keyIn = (partition: number, partitions: number): string => {
  for (let index = 0; ; index++) if (partitionOf(`key-${index}`, partitions) === partition) return `key-${index}`;
};

export const keysOf = (records: readonly LogRecord[]): string[] => records.map(({ key }) => String(key));

/** Handlers that write down every call, as `assigned 0@5<9`, `revoked 0`, and every record's place and key. */
export const notingHandlers = (overrides: Partial<ReaderHandlers> = {}) => {
  const calls: string[] = [];
  const records: LogRecord[] = [];
  const errors: Error[] = [];
  const owned = new Set<number>();
  const handlers: ReaderHandlers = {
    onAssigned: (assignments) => {
      for (const { partition, startOffset, highWatermark } of assignments) {
        owned.add(partition);
        calls.push(`assigned ${partition}@${startOffset}<${highWatermark}`);
      }
    },
    onRevoked: (partitions) => {
      for (const partition of partitions) {
        owned.delete(partition);
        calls.push(`revoked ${partition}`);
      }
    },
    onRecords: (_, some) => void records.push(...some),
    onFatal: (error) => void errors.push(error),
    ...overrides,
  };
  return { handlers, calls, records, errors, owned };
};

type ReaderOverrides = Partial<Omit<ReaderOptions, 'handlers'>>;

/** Starts readers that note what they are told, and stops them all. Where and what to read is asked for at every start. */
export const readersUnderTest = (where: () => { client: LogClient; topic: string; groupId?: string; soleMember?: boolean }) => {
  let started: Reader[] = [];
  return {
    startReader: async (handlers: Partial<ReaderHandlers> = {}, overrides: ReaderOverrides = {}) => {
      const notes = notingHandlers(handlers);
      const options = { groupId: uniqueName('group'), minFetchGapMs: 0, ...where(), ...overrides, handlers: notes.handlers };
      const reader = createReader(options);
      started.push(reader);
      await reader.start();
      return { reader, groupId: options.groupId, ...notes };
    },
    stopAll: async () => {
      const stopping = started;
      started = [];
      await Promise.all(stopping.map((reader) => reader.stop()));
    },
  };
};

/** The offsets delivered for one partition, in the order of delivery. */
export const offsetsOf = (records: readonly LogRecord[], partition: number): number[] =>
  records.filter((one) => one.partition === partition).map(({ offset }) => offset);

export const countUpTo = (end: number): number[] => Array.from({ length: end }, (_, index) => index);
