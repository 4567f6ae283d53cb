// tests/simulation/environment/reader.ts: shared/log/read/reader.ts on the simulated broker and coordinator, with the same promises.
// Positions are found out first, each partition in order and without gaps, what was revoked is forgotten whatever was under way for it.

import type { Reader, ReaderHandlers } from '../../../shared/log/log.ts';
import { assignmentOf, type FoundStarts } from '../../../shared/log/read/assigned-partition.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Process } from '../kernel/process.ts';
import type { Simulation } from '../kernel/simulation.ts';
import { createFetches, type PartitionState } from './fetches.ts';
import type { Group, Member } from './group.ts';
import type { SimulatedLog } from './log.ts';

export interface SimulatedReaderOptions {
  sim: Simulation;
  log: SimulatedLog;
  process: Process;
  topic: string;
  handlers: ReaderHandlers;
  /** Null: alone in its group, with all partitions. */
  group: Group | null;
}

const START_RETRY_MS = 500;

export const createSimulatedReader = ({ sim, log, process, topic, handlers, group }: SimulatedReaderOptions): Reader => {
  const partitions = log.partitions(topic);
  const assigned = new Map<number, PartitionState>();
  let doubtful = false;
  let settled = false;
  let ended = false;

  const fatal = (error: unknown): void => {
    if (ended) return;
    ended = true;
    handlers.onFatal(error instanceof Error ? error : new Error(String(error)));
  };
  const guarded = (step: () => void): void => {
    try {
      if (!ended) step();
    } catch (error) {
      fatal(error);
    }
  };
  /** A question to the broker: answered later, by what it knows then. */
  const ask = <T>(answer: () => T): Promise<T> =>
    new Promise((resolve) => {
      sim.after(
        sim.between(1, 5),
        () => {
          const found = answer();
          sim.after(sim.between(0, 5), () => resolve(found), process);
        },
        null,
      );
    });
  const isCurrent = (state: PartitionState): boolean => !ended && assigned.get(state.partition.partition) === state;

  const fetch = createFetches({ sim, log, process, topic, handlers, assigned, isCurrent, isDoubtful: () => doubtful, guarded, fatal });

  const begin = async (fresh: PartitionState[]): Promise<void> => {
    const numbers = fresh.map(({ partition }) => partition.partition);
    for (; fresh.some(isCurrent); await sim.pause(START_RETRY_MS)) {
      try {
        const given = (await handlers.startOffsets?.(numbers)) ?? new Map<number, number>();
        const committed = await ask(() => new Map(group?.committed()));
        const ends = await ask(() => log.ends(topic)); // after the start offsets, which may have moved with the log until just now
        guarded(() => open(fresh.filter(isCurrent), { given, committed, ends }));
        return;
      } catch (error) {
        if (!(error instanceof AppError && error.retryable)) throw error;
      }
    }
  };
  const open = (states: PartitionState[], found: FoundStarts): void => {
    const assignments = states.map(({ partition: { partition } }) => assignmentOf(topic, partition, found));
    for (const [index, state] of states.entries()) state.position = assignments[index]!.startOffset;
    settled = true;
    if (assignments.length > 0) handlers.onAssigned(assignments);
    for (const state of states) fetch(state);
  };

  const assign = (numbers: number[], rejoined: boolean): void => {
    doubtful = false;
    const revoked = [...assigned.keys()].filter((number) => !(rejoined && numbers.includes(number)));
    for (const number of revoked) assigned.delete(number);
    if (revoked.length > 0) handlers.onRevoked(revoked);
    sim.trace(() => `${topic}: reads ${numbers.join(' and ') || 'nothing'}`);
    const fresh: PartitionState[] = [];
    for (const number of numbers) {
      if (assigned.has(number)) continue;
      const state = { partition: partitions[number]!, position: null, held: false, fetch: null };
      assigned.set(number, state);
      fresh.push(state);
    }
    if (fresh.length > 0) begin(fresh).catch(fatal);
    else settled = true;
    for (const state of assigned.values()) fetch(state);
  };

  const member: Member = {
    process,
    onDoubt: () => {
      doubtful = true;
    },
    onAssignment: (numbers, rejoined) => guarded(() => assign(numbers, rejoined)),
    onExpelled: () => {
      doubtful = true;
      group!.join(member);
    },
  };
  return {
    start: async () => {
      if (group !== null) return group.join(member);
      guarded(() =>
        assign(
          partitions.map(({ partition }) => partition),
          true,
        ),
      );
    },
    stop: async () => {
      ended = true;
    },
    seek: (number, offset) => {
      const state = assigned.get(number);
      if (!state || state.position === null) return;
      state.position = offset;
      state.fetch = null;
      fetch(state);
    },
    commit: async (offsets) => {
      const generation = group?.generationOf(member) ?? null;
      const mine = new Map([...offsets].filter(([partition]) => assigned.has(partition)));
      await ask(() => group?.commit(member, generation, mine));
    },
    lag: () => new Map(),
    isSettled: () => settled && !doubtful,
    lastFetchAt: () => sim.steady(),
  };
};
