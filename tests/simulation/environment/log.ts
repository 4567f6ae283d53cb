// tests/simulation/environment/log.ts: the simulated broker over the log in memory: replication that takes time, and leaders that move.
// What was acknowledged is never lost, unless a world loses it on purpose (`lose`); what was not may be.

import type { LogRecord, RecordToAppend } from '../../../shared/log/log.ts';
import { createInMemoryLog, type InMemoryLog, type Partition } from '../../support/in-memory/log.ts';
import type { Simulation } from '../kernel/simulation.ts';

export interface SimulatedLog extends Pick<InMemoryLog, 'partitions' | 'whenReadable' | 'ends'> {
  /** Writes at the leader. `done` hears the first offset once all replicas have it, or null if a leader moved and it was lost. */
  write: (topic: string, partition: number, records: readonly RecordToAppend[], done?: (baseOffset: number | null) => void) => void;
  /** Writes a batch of so many records that nobody opens. */
  writeUnopened: (topic: string, partition: number, records: number) => void;
  /** Another replica becomes leader; it may not have what was not replicated yet. */
  moveLeader: (partition: Partition) => void;
  /**
   * Loses acknowledged records: of each partition named all from the offset on, as a power cut of all replicas does. With another id the
   * topic is one that was made again. All connections break.
   */
  lose: (topic: string, cuts: ReadonlyMap<number, number>, id?: string) => void;
  /** What a partition has, and what it had whenever it lost something, the latest last. */
  histories: (partition: Partition) => readonly (readonly LogRecord[])[];
  /** The id that the topic has now. */
  topicId: (topic: string) => string;
  /** Calls whenever all connections to the broker break. */
  whenBroken: (hear: () => void) => void;
  /** It may lose records: readers look at once at the record before their position, as they do on Kafka. */
  readonly mayLose: boolean;
}

export interface SimulatedLogOptions {
  sim: Simulation;
  /** Partitions by topic. */
  topics: Readonly<Record<string, number>>;
  /** In the order of the offsets of each partition, when the record is readable. */
  onRecord: (record: LogRecord) => void;
  /** Another world than those that never lose anything, whose histories stay as they are. */
  mayLose?: boolean | undefined;
}

interface Write {
  base: number;
  done: (baseOffset: number | null) => void;
}

const REPLICATION_MS = [1, 6] as const;

export const createSimulatedLog = ({ sim, topics, onRecord, mayLose = false }: SimulatedLogOptions): SimulatedLog => {
  const { partitions, write, writeUnopened, publish, truncate, cut, whenReadable, ends } = createInMemoryLog({ topics, onRecord });
  const ids = new Map<string, string>();
  const histories = new Map<Partition, LogRecord[][]>();
  const listeners: (() => void)[] = [];
  const unreplicated = new Map<Partition, Write[]>();
  const take = (partition: Partition): Write[] => {
    const waiting = unreplicated.get(partition) ?? [];
    unreplicated.delete(partition);
    return waiting;
  };
  const replicate = (partition: Partition): void =>
    publish(partition, () => {
      for (const { base, done } of take(partition)) done(base);
    });

  return {
    partitions,
    whenReadable,
    ends,
    write: (topic, number, records, done = () => {}) => {
      const partition = partitions(topic)[number]!;
      const base = write(partition, records, sim.wallClock());
      unreplicated.set(partition, [...(unreplicated.get(partition) ?? []), { base, done }]);
      sim.after(sim.between(...REPLICATION_MS), () => replicate(partition), null);
    },
    writeUnopened: (topic, number, records) => {
      const partition = partitions(topic)[number]!;
      writeUnopened(partition, records, sim.wallClock());
      sim.after(sim.between(...REPLICATION_MS), () => replicate(partition), null);
    },
    moveLeader: (partition) => {
      const lost = partition.records.length - partition.highWatermark;
      if (lost === 0 || sim.chance(0.3)) return; // the new leader had everything
      sim.trace(() => `${partition.topic}/${partition.partition} loses ${lost} records with its leader`);
      truncate(partition);
      for (const { done } of take(partition)) done(null);
    },
    lose: (topic, cuts, id) => {
      if (id !== undefined) ids.set(topic, id);
      for (const [number, offset] of cuts) {
        const partition = partitions(topic)[number]!;
        sim.trace(() => `${topic}/${number} loses its end: ${partition.highWatermark - offset} records from ${offset} on`);
        histories.set(partition, [...(histories.get(partition) ?? []), partition.records.slice(0, partition.highWatermark)]);
        cut(partition, offset);
        for (const { done } of take(partition)) done(null);
      }
      for (const hear of listeners) hear();
    },
    histories: (partition) => [...(histories.get(partition) ?? []), partition.records],
    topicId: (topic) => ids.get(topic) ?? `the first ${topic}`,
    whenBroken: (hear) => void listeners.push(hear),
    mayLose,
  };
};
