// tests/simulation/single-role/faulty-transactions.ts: how a simulation runs the transactions of a process: later than asked for, perhaps after the
// process has died, sometimes not at all, and sometimes without the answer.

import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Simulation } from './simulation.ts';

const FAULT = 0.04; // of each kind, while the simulation has faults

/** For `createMemoryLedger`. `alive` says whether the process still exists. */
export const faultyTransactions =
  (sim: Simulation, alive: () => boolean) =>
  <T>(work: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      const isFaulty = (): boolean => sim.clock.now() < sim.calmFrom && sim.chance(FAULT);
      const answer = (action: () => void): void => sim.clock.after(sim.between(0, 10), () => alive() && action());
      const away = (): void => reject(new AppError('DATABASE_UNAVAILABLE', 'simulated'));
      sim.clock.after(sim.between(1, 10), () => {
        if (isFaulty()) return answer(away);
        try {
          const result = work();
          answer(isFaulty() ? away : () => resolve(result));
        } catch (error) {
          answer(() => reject(error));
        }
      });
    });
