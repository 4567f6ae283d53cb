// tests/simulation/ground/transactions.ts: what a process asks of the simulated database: done at one moment, later than asked for,
// perhaps after the process has died; sometimes not at all, sometimes without the answer.

import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Process, Simulation } from '../kernel/simulation.ts';

export type Transact = <T>(work: () => T) => Promise<T>;

/** `faults`: how likely a transaction fails, and how likely one that was committed is not answered. */
export const createTransactions =
  (sim: Simulation, process: Process, faults: number): Transact =>
  (work) =>
    new Promise((resolve, reject) => {
      const away = (): void => reject(new AppError('DATABASE_UNAVAILABLE', 'simulated'));
      const answer = (action: () => void): void => void sim.after(sim.between(0, 6), action, process);
      const run = (): void => {
        try {
          const result = sim.fault(faults) ? null : { is: work() };
          answer(result === null || sim.fault(faults) ? away : () => resolve(result.is));
        } catch (error) {
          answer(() => reject(error));
        }
      };
      sim.after(sim.fault(0.02) ? sim.between(100, 1_500) : sim.between(1, 6), run, null);
    });
