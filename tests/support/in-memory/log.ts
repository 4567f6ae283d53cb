// tests/support/in-memory/log.ts: the log in memory: topics of partitions with their records, and up to where readers may read.
// Whoever writes says when it becomes readable: at once in unit tests (log-ports.ts), once it is replicated in simulations.

import { type LogRecord, offsetAfter, type RecordToAppend } from '../../../shared/log/log.ts';
import { exactHeadersOf, headersFrom } from '../../../shared/log/protocol/exact-headers.ts';
import { unopenedBatch } from '../../../shared/log/protocol/unopened-batch.ts';

export interface Partition {
  readonly topic: string;
  readonly partition: number;
  /** What the leader has, by offset: what stands for a batch that nobody opens is at each offset of the batch. */
  readonly records: LogRecord[];
  /** Up to here readers are given it. */
  readonly highWatermark: number;
}

export interface InMemoryLog {
  partitions: (topic: string) => readonly Partition[];
  /** Appends, and returns the offset of the first. Nothing is readable before `publish`. */
  write: (partition: Partition, records: readonly RecordToAppend[], timestamp: number) => number;
  /** Appends a batch of so many records that nobody opens, and returns the offset of the first. */
  writeUnopened: (partition: Partition, records: number, timestamp: number) => number;
  /** Makes all of the partition readable. `beforeReaders` runs when it is, before the readers that wait are called. */
  publish: (partition: Partition, beforeReaders?: () => void) => void;
  /** Drops what is not readable yet, as a leader does that was not replicated. */
  truncate: (partition: Partition) => void;
  /** Drops everything from this offset on, readable or not, as a power cut of all replicas does. */
  cut: (partition: Partition, offset: number) => void;
  /** Calls once there is something at this offset for readers. */
  whenReadable: (partition: Partition, offset: number, wake: () => void) => void;
  ends: (topic: string) => Map<number, { low: number; high: number }>;
}

export interface InMemoryLogOptions {
  /** Number of partitions by topic. */
  topics: Readonly<Record<string, number>>;
  /** In the order of the offsets of each partition, when the record becomes readable. */
  onRecord?: (record: LogRecord) => void;
}

interface Kept extends Partition {
  highWatermark: number;
  waiting: { offset: number; wake: () => void }[];
}

export const createInMemoryLog = ({ topics, onRecord = () => {} }: InMemoryLogOptions): InMemoryLog => {
  const byTopic = new Map(
    Object.entries(topics).map(([topic, count]) => [
      topic,
      Array.from({ length: count }, (_, partition): Kept => ({ topic, partition, records: [], highWatermark: 0, waiting: [] })),
    ]),
  );
  const kept = ({ topic, partition }: Partition): Kept => byTopic.get(topic)![partition]!;

  const whenReadable: InMemoryLog['whenReadable'] = (partition, offset, wake) => {
    if (offset < partition.highWatermark) wake();
    else kept(partition).waiting.push({ offset, wake });
  };
  return {
    partitions: (topic) => byTopic.get(topic)!,
    write: (partition, records, timestamp) => {
      const base = partition.records.length;
      for (const record of records) partition.records.push(stored(record, partition, timestamp));
      return base;
    },
    writeUnopened: ({ topic, partition, records }, count, timestamp) => {
      const offset = records.length;
      const at = { topic, partition, offset, timestamp, lastOffset: offset + count - 1 };
      const batch = unopenedBatch(at, Buffer.from(`a transaction of ${count}`), 'TRANSACTIONAL');
      for (let n = 0; n < count; n += 1) records.push(batch);
      return offset;
    },
    publish: (partition, beforeReaders = () => {}) => {
      const mine = kept(partition);
      const from = mine.highWatermark;
      if (from === mine.records.length) return;
      mine.highWatermark = mine.records.length;
      for (const record of readRecords(mine, from, mine.records.length)) onRecord(record);
      beforeReaders();
      for (const { offset, wake } of mine.waiting.splice(0)) whenReadable(mine, offset, wake);
    },
    truncate: (partition) => {
      partition.records.length = partition.highWatermark;
    },
    cut: (partition, offset) => {
      const mine = kept(partition);
      mine.records.length = Math.min(mine.records.length, offset);
      mine.highWatermark = Math.min(mine.highWatermark, offset);
    },
    whenReadable,
    ends: (topic) => new Map(byTopic.get(topic)!.map(({ partition, highWatermark }) => [partition, { low: 0, high: highWatermark }])),
  };
};

/** What readers are given that begins in [from, to), each once; a batch that nobody opens from `from` on, where that lies in it. */
export const readRecords = ({ records }: Pick<Partition, 'records'>, from: number, to: number): LogRecord[] => {
  const found: LogRecord[] = [];
  for (let offset = from; offset < to; offset = offsetAfter(found.at(-1)!)) found.push({ ...records[offset]!, offset });
  return found;
};

const stored = (record: RecordToAppend, { topic, partition, records }: Partition, timestamp: number): LogRecord => {
  const bytes = (text: string | Buffer | null): Buffer | null => (text === null ? null : Buffer.from(text as string));
  return { topic, partition, offset: records.length, timestamp, key: bytes(record.key), value: bytes(record.value), ...headersOf(record) };
};

/** As a reader has what was appended. */
export const headersOf = ({ headers, exactHeaders = [] }: RecordToAppend): Pick<LogRecord, 'headers' | 'exactHeaders'> => {
  const last = Object.entries(headers).map(([name, value]): [string, Buffer] => [name, Buffer.from(value as string)]);
  return headersFrom([...exactHeaders, ...exactHeadersOf({ headers: Object.fromEntries(last) })]);
};
