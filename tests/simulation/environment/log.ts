// tests/simulation/environment/log.ts: the simulated broker: partitions with a leader, replication that takes time, a high watermark that
// readers do not pass, and leaders that move. What was acknowledged is never lost; what was not may be.

import type { LogRecord, RecordToAppend } from '../../../shared/log/log.ts';
import type { Simulation } from '../kernel/simulation.ts';

export interface Partition {
  readonly topic: string;
  readonly partition: number;
  /** What the leader has. */
  readonly records: LogRecord[];
  /** Up to here every in-sync replica has it: what readers are given. */
  highWatermark: number;
}

export interface SimulatedLog {
  partitions: (topic: string) => readonly Partition[];
  /** Writes at the leader. `done` hears the first offset once all replicas have it, or null if a leader moved and it was lost. */
  write: (topic: string, partition: number, records: readonly RecordToAppend[], done?: (baseOffset: number | null) => void) => void;
  /** Calls once there is something at this offset for readers. */
  whenReadable: (partition: Partition, offset: number, wake: () => void) => void;
  /** Another replica becomes leader; it may not have what was not replicated yet. */
  moveLeader: (partition: Partition) => void;
  ends: (topic: string) => Map<number, { low: number; high: number }>;
}

export interface SimulatedLogOptions {
  sim: Simulation;
  /** Partitions by topic. */
  topics: Readonly<Record<string, number>>;
  /** In the order of the offsets of each partition, when the record is readable. */
  onRecord: (record: LogRecord) => void;
}

interface Write {
  base: number;
  end: number;
  done: (baseOffset: number | null) => void;
}

export const createSimulatedLog = ({ sim, topics, onRecord }: SimulatedLogOptions): SimulatedLog => {
  const writes = new Map<Partition, Write[]>();
  const readers = new Map<Partition, { offset: number; wake: () => void }[]>();
  const byTopic = new Map(
    Object.entries(topics).map(([topic, count]) => [
      topic,
      Array.from({ length: count }, (_, partition): Partition => ({ topic, partition, records: [], highWatermark: 0 })),
    ]),
  );
  for (const partition of [...byTopic.values()].flat()) {
    writes.set(partition, []);
    readers.set(partition, []);
  }
  const partitions = (topic: string): Partition[] => byTopic.get(topic)!;

  const replicate = (partition: Partition): void => {
    const from = partition.highWatermark;
    if (from === partition.records.length) return;
    partition.highWatermark = partition.records.length;
    for (const record of partition.records.slice(from)) onRecord(record);
    const waiting = writes.get(partition)!;
    writes.set(partition, []);
    for (const { base, done } of waiting) done(base);
    const idle = readers.get(partition)!;
    readers.set(partition, []);
    for (const reader of idle) whenReadable(partition, reader.offset, reader.wake);
  };
  const whenReadable: SimulatedLog['whenReadable'] = (partition, offset, wake) => {
    if (offset < partition.highWatermark) wake();
    else readers.get(partition)!.push({ offset, wake });
  };

  return {
    partitions,
    write: (topic, number, records, done = () => {}) => {
      const partition = partitions(topic)[number]!;
      const base = partition.records.length;
      for (const record of records) partition.records.push(stored(record, partition, sim.wallClock()));
      writes.get(partition)!.push({ base, end: partition.records.length, done });
      sim.after(sim.between(1, 6), () => replicate(partition), null);
    },
    whenReadable,
    moveLeader: (partition) => {
      const lost = partition.records.length - partition.highWatermark;
      if (lost === 0 || sim.chance(0.3)) return; // the new leader had everything
      sim.trace(() => `${partition.topic}/${partition.partition} loses ${lost} records with its leader`);
      partition.records.length = partition.highWatermark;
      const waiting = writes.get(partition)!;
      writes.set(partition, []);
      for (const { done } of waiting) done(null);
    },
    ends: (topic) => new Map(partitions(topic).map(({ partition, highWatermark }) => [partition, { low: 0, high: highWatermark }])),
  };
};

const stored = ({ key, value, headers }: RecordToAppend, { topic, partition, records }: Partition, timestamp: number): LogRecord => {
  const bytes = (text: string | Buffer | null): Buffer | null => (text === null ? null : Buffer.from(text as string));
  const raw: Record<string, Buffer> = {};
  for (const name in headers) raw[name] = Buffer.from(headers[name] as string);
  return { topic, partition, offset: records.length, timestamp, key: bytes(key), value: bytes(value), headers: raw };
};
