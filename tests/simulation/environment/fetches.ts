// tests/simulation/environment/fetches.ts: the fetches of a simulated reader, behind the real position guard (R17).
// Each partition in order and without gaps, one handler at a time, and what was revoked or sought meanwhile is dropped.

import { createPositionGuard } from '../../../shared/log/identity/position-guard.ts';
import { type LogRecord, offsetAfter, type ReaderHandlers } from '../../../shared/log/log.ts';
import type { Fetched } from '../../../shared/log/protocol/fetch.ts';
import { expectContiguous } from '../../../shared/log/read/assigned-partition.ts';
import { type Partition, readRecords } from '../../support/in-memory/log.ts';
import type { Process } from '../kernel/process.ts';
import type { Simulation } from '../kernel/simulation.ts';
import type { SimulatedLog } from './log.ts';

export interface PartitionState {
  partition: Partition;
  /** The next offset to deliver; null until it is known. */
  position: number | null;
  /** A handler's promise is pending. */
  held: boolean;
  /** The fetch under way; what an older one brings is dropped. */
  fetch: symbol | null;
}

const FETCH_RECORDS_MAX = 12; // small fetches: more moments between two records

// As an idle broker holds a fetch open (shared/log/read/assigned-partition.ts).
const MAX_WAIT_MS = 500;
const RECONNECT_MS = [1, 3_000] as const;
const OUT_OF_RANGE = 1;

export interface FetchesOptions {
  sim: Simulation;
  log: SimulatedLog;
  process: Process;
  topic: string;
  handlers: Pick<ReaderHandlers, 'onRecords'>;
  /** The assignments that the reader has now. */
  assigned: ReadonlyMap<number, PartitionState>;
  /** Whether the reader has this assignment now. */
  isCurrent: (state: PartitionState) => boolean;
  isDoubtful: () => boolean;
  /** Runs a step of the reader, whose errors end it. */
  guarded: (step: () => void) => void;
  fatal: (error: unknown) => void;
}

/** Fetches for a partition, if nothing of it is under way: to be called whenever that may have changed. */
export const createFetches = (options: FetchesOptions) => {
  const { sim, log, process, topic, handlers, isCurrent, isDoubtful, guarded, fatal } = options;
  const connection = createConnection(options, () => {
    for (const state of options.assigned.values()) {
      state.fetch = null;
      fetch(state);
    }
  });
  const { guard } = connection;
  const checkOrder = createOrderCheck(options);

  const fetch = (state: PartitionState): void => {
    if (state.fetch !== null || !isCurrent(state) || isDoubtful() || state.held || state.position === null || connection.isBroken()) return;
    const mine = Symbol();
    const count = connection.count();
    state.fetch = mine;
    const { partition, position: wanted } = state;
    const from = guard.ask(new Map([[partition.partition, wanted]])).get(partition.partition)!;
    const answer = (): void => {
      if (connection.count() !== count) return;
      const fetched = fetchedFrom(partition, from, wanted + sim.between(1, FETCH_RECORDS_MAX));
      const deliver = (): void => {
        if (state.fetch !== mine) return;
        state.fetch = null;
        guarded(() => take(state, fetched));
        fetch(state);
      };
      sim.after(sim.fault(0.05) ? sim.between(50, 600) : sim.between(1, 8), deliver, process);
    };
    waitFor(log, sim, partition, log.mayLose ? from : wanted, answer);
  };
  const take = (state: PartitionState, fetched: Fetched): void => {
    if (!isCurrent(state) || isDoubtful() || state.held) return;
    const taken = guard.take(fetched);
    if (taken === null || state.position !== taken.fromOffset) return;
    expectContiguous(topic, { partition: taken.partition, position: state.position }, taken);
    if (taken.records.length === 0) return;
    checkOrder(state, taken.records);
    state.position = taken.nextOffset;
    hold(state, handlers.onRecords(taken.partition, taken.records, taken.highWatermark));
  };
  const hold = (state: PartitionState, handled: void | Promise<void>): void => {
    if (!handled) return;
    state.held = true;
    handled.then(() => {
      state.held = false;
      fetch(state);
    }, fatal);
  };
  return fetch;
};

/** Answers once there is a record at the offset; where the log may be cut below it, also when none has come for a while. */
const waitFor = (log: SimulatedLog, sim: Simulation, partition: Partition, offset: number, answer: () => void): void => {
  let isAnswered = false;
  const wake = (): void => {
    if (isAnswered) return;
    isAnswered = true;
    sim.after(sim.between(0, 4), answer, null);
  };
  if (log.mayLose && offset > partition.records.length) wake();
  else log.whenReadable(partition, offset, wake);
  if (log.mayLose) sim.after(MAX_WAIT_MS, wake, null);
};

/** As the leader has it: out of range beyond the end of its log, and nothing where it does not show yet what it has. */
const fetchedFrom = (partition: Partition, fromOffset: number, to: number): Fetched => {
  const { partition: number, records: all, highWatermark } = partition;
  const records = fromOffset < highWatermark ? readRecords(partition, fromOffset, Math.min(highWatermark, to)) : [];
  const nextOffset = records.length === 0 ? fromOffset : offsetAfter(records.at(-1)!);
  const errorCode = fromOffset > all.length ? OUT_OF_RANGE : 0;
  return { partition: number, fromOffset, errorCode, highWatermark, records, nextOffset, damage: null };
};

/** The process's connection to the broker: it breaks with the others, and comes back after a while. Then the guard compares (R17). */
const createConnection = ({ sim, log, process, topic, guarded }: FetchesOptions, onBack: () => void) => {
  const guard = createPositionGuard(topic);
  let count = 0;
  let broken = false;
  guard.topicIs(log.topicId(topic));
  const comeBack = (): void => {
    broken = false;
    guarded(() => {
      guard.newSession();
      guard.topicIs(log.topicId(topic));
      onBack();
    });
  };
  log.whenBroken(() => {
    count += 1;
    if (broken || !process.alive) return;
    broken = true;
    sim.after(sim.between(...RECONNECT_MS), comeBack, process);
  });
  return { guard, count: () => count, isBroken: () => broken };
};

/** What no reader may ever do: go on with a log in which another record stands where it has read (R17). */
const createOrderCheck = ({ sim, log, process, topic }: FetchesOptions) => {
  const last = new Map<PartitionState, LogRecord>();
  return (state: PartitionState, records: readonly LogRecord[]): void => {
    if (!log.mayLose) return;
    const before = last.get(state);
    const read = before && state.position === offsetAfter(before) ? [before, ...records] : records;
    last.set(state, records.at(-1)!);
    // The very bytes that the broker has, or had when it answered: a copy of a record is another one.
    if (log.histories(state.partition).some((history) => read.every(({ offset, value }) => history[offset]?.value === value))) return;
    sim.violate(`${process.name} reads ${topic}/${state.partition.partition} on at ${state.position}, in another log than before`);
  };
};
