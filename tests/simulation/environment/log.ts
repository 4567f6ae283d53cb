// tests/simulation/environment/log.ts: the simulated broker over the log in memory: replication that takes time, and leaders that move.
// What was acknowledged is never lost, unless a world loses it on purpose (`lose`); what was not may be. Each partition is led by one of two
// brokers.

import type { LogRecord, RecordToAppend } from '../../../shared/log/log.ts';
import { createInMemoryLog, type InMemoryLog, type Partition } from '../../support/in-memory/log.ts';
import type { Simulation } from '../kernel/simulation.ts';

export interface SimulatedLog extends Pick<InMemoryLog, 'partitions' | 'whenReadable' | 'ends'> {
  /** Writes at the leader. `done` hears the first offset once all replicas have it, or null if a leader moved and it was lost. */
  write: (topic: string, partition: number, records: readonly RecordToAppend[], done?: (baseOffset: number | null) => void) => void;
  /** Writes a batch of so many records that nobody opens. */
  writeUnopened: (topic: string, partition: number, records: number) => void;
  /** Another replica becomes leader, now or after an election; it may not have what was not replicated yet. */
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
  /** The broker that leads it; null: none yet. */
  leaderOf: (partition: Partition) => number | null;
  /** Replicas fall behind: for so long nothing of it is replicated. */
  holdBack: (partition: Partition, forMs: number) => void;
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

/** Two, so that a round may need both, and one of them fails. */
export const BROKERS = 2;
const REPLICATION_MS = [1, 6] as const;
const ELECTION_MS = [0, 300] as const;
// Longer than appends wait for one (append-waits.ts).
const LONG_ELECTION_MS = [2_000, 11_000] as const;
const LONG_ELECTIONS = 0.08;

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
  const behindUntil = new Map<Partition, number>();
  const leaders = new Map<Partition, { broker: number; from: number }>();
  const lastLeader = (partition: Partition) => leaders.get(partition) ?? { broker: 1 + (partition.partition % BROKERS), from: 0 };
  const replicate = (partition: Partition): void => {
    if (sim.now() < (behindUntil.get(partition) ?? 0)) return;
    publish(partition, () => {
      for (const { base, done } of take(partition)) done(base);
    });
  };
  const elect = (partition: Partition): void => {
    const [min, max] = sim.fault(LONG_ELECTIONS) ? LONG_ELECTION_MS : ELECTION_MS;
    leaders.set(partition, { broker: 1 + (lastLeader(partition).broker % BROKERS), from: sim.now() + sim.between(min, max) });
  };

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
    leaderOf: (partition) => {
      const { broker, from } = lastLeader(partition);
      return from <= sim.now() ? broker : null;
    },
    holdBack: (partition, forMs) => {
      behindUntil.set(partition, Math.max(behindUntil.get(partition) ?? 0, sim.now() + forMs));
      sim.after(forMs, () => replicate(partition), null);
    },
    moveLeader: (partition) => {
      elect(partition);
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
