// tests/simulation/environment/sender.ts: connections of the real appender (shared/log/append/appender.ts) to the simulated broker. A round may be
// refused, written without an answer, written much later, written by a leader that is one no more, or lost.

import type { AppendResult, Sender } from '../../../shared/log/append/sender.ts';
import type { PartitionBatch } from '../../../shared/log/protocol/produce.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Process } from '../kernel/process.ts';
import type { Simulation } from '../kernel/simulation.ts';
import type { SimulatedLog } from './log.ts';

const ANSWER_LOST_MS = [20, 700] as const;
// Longer than anybody waits, and than the window in which a copy passes for a new order (R5).
const VERY_LATE_MS = 14_000;

export interface SimulatedSenderOptions {
  sim: Simulation;
  log: SimulatedLog;
  process: Process;
  /** How likely a batch meets a fault. */
  faults: number;
}

export const createSimulatedSender = ({ sim, log, process, faults }: SimulatedSenderOptions): Sender => {
  const underWay = new Set<(result: AppendResult) => void>();
  const because = (kind: Exclude<AppendResult['kind'], 'appended'>): AppendResult => ({ kind, cause: new Error('simulated') });

  const deliver = ({ topic, partition, records }: PartitionBatch, settle: (result: AppendResult) => void): void => {
    const answer = (result: AppendResult, delayMs: number = sim.between(0, 6)): void =>
      void sim.after(delayMs, () => settle(result), process);
    const write = (delayMs: number, then: (base: number | null) => void): void =>
      void sim.after(delayMs, () => log.write(topic, partition, records, then), null);
    const travel = sim.between(1, 6);
    if (!sim.fault(faults)) {
      write(travel, (base) => answer(base === null ? because('leader-moved') : { kind: 'appended', baseOffset: base }));
      return;
    }
    const [lostMin, lostMax] = ANSWER_LOST_MS;
    const fate = sim.random();
    if (fate < 0.2) answer(because('not-appended'), travel);
    else if (fate < 0.3) answer(because('leader-moved'), travel);
    else if (fate < 0.4) write(travel, () => answer(because('leader-moved')));
    else if (fate < 0.65) write(travel, () => answer(because('unknown'), sim.between(lostMin, lostMax)));
    else if (fate < 0.9) {
      answer(because('unknown'), sim.between(lostMin, lostMax));
      write(sim.between(lostMin, sim.chance(0.6) ? lostMax : VERY_LATE_MS), () => {});
    } else answer(because('unknown'), sim.between(lostMin, lostMax));
  };
  const sendOne = (batch: PartitionBatch): Promise<AppendResult> =>
    new Promise((resolve) => {
      const settle = (result: AppendResult): void => {
        if (underWay.delete(settle)) resolve(result);
      };
      underWay.add(settle);
      deliver(batch, settle);
    });

  return {
    connect: () =>
      new Promise((resolve, reject) => {
        const refused = sim.fault(faults / 2);
        sim.after(sim.between(0, 4), () => (refused ? reject(new AppError('LOG_UNAVAILABLE', 'simulated')) : resolve()));
      }),
    send: (batches) => Promise.all(batches.map(sendOne)),
    destroy: () => {
      for (const settle of [...underWay]) settle(because('unknown'));
    },
  };
};
