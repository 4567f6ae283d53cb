// tests/simulation/environment/fetches.ts: the fetches of a simulated reader.
// Each partition in order and without gaps, one handler at a time, and what was revoked or sought meanwhile is dropped.

import { offsetAfter, type ReaderHandlers } from '../../../shared/log/log.ts';
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

export interface FetchesOptions {
  sim: Simulation;
  log: SimulatedLog;
  process: Process;
  handlers: Pick<ReaderHandlers, 'onRecords'>;
  /** Whether the reader has this assignment now. */
  isCurrent: (state: PartitionState) => boolean;
  isDoubtful: () => boolean;
  /** Runs a step of the reader, whose errors end it. */
  guarded: (step: () => void) => void;
  fatal: (error: unknown) => void;
}

/** Fetches for a partition, if nothing of it is under way: to be called whenever that may have changed. */
export const createFetches = ({ sim, log, process, handlers, isCurrent, isDoubtful, guarded, fatal }: FetchesOptions) => {
  const fetch = (state: PartitionState): void => {
    if (state.fetch !== null || !isCurrent(state) || isDoubtful() || state.held || state.position === null) return;
    const mine = Symbol();
    state.fetch = mine;
    const { partition, position: from } = state;
    const answer = (): void => {
      const records = readRecords(partition, from, Math.min(partition.highWatermark, from + sim.between(1, FETCH_RECORDS_MAX)));
      const end = offsetAfter(records.at(-1)!);
      const highWatermark = partition.highWatermark;
      const deliver = (): void => {
        if (state.fetch !== mine) return;
        state.fetch = null;
        if (isCurrent(state) && !isDoubtful() && !state.held && state.position === from) {
          state.position = end;
          guarded(() => hold(state, handlers.onRecords(partition.partition, records, highWatermark)));
        }
        fetch(state);
      };
      sim.after(sim.fault(0.05) ? sim.between(50, 600) : sim.between(1, 8), deliver, process);
    };
    log.whenReadable(partition, from, () => void sim.after(sim.between(0, 4), answer, null));
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
