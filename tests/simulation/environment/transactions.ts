// tests/simulation/environment/transactions.ts: what a process asks of the simulated database.
// Done at one moment, later than asked for, perhaps after the process has died; sometimes not at all, sometimes without the answer.

import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Transact } from '../../support/in-memory/read-model.ts';
import type { Process } from '../kernel/process.ts';
import type { Simulation } from '../kernel/simulation.ts';

export interface Database {
  /** How likely a transaction fails, and how likely one that was committed is not answered. */
  readonly faults: number;
  /** A restart cuts all connections: what was under way fails, and so does what is asked while it is down. */
  restarts: number;
  downUntil: number;
}

export const createTransactions =
  (sim: Simulation, process: Process, database: Database): Transact =>
  (work) =>
    new Promise((resolve, reject) => {
      const { faults, restarts } = database;
      const isCut = (): boolean => database.restarts !== restarts || sim.now() < database.downUntil;
      const away = (): void => reject(new AppError('DATABASE_UNAVAILABLE', 'simulated'));
      // A late answer: whoever asked may have lost what it asked for, and have it again.
      const answerMs = (): number => (sim.fault(0.02) ? sim.between(100, 4_000) : sim.between(0, 6));
      const answer = (action: () => void): void => void sim.after(answerMs(), () => (isCut() ? away() : action()), process);
      const run = (): void => {
        try {
          const result = isCut() || sim.fault(faults) ? null : { is: work() };
          answer(result === null || sim.fault(faults) ? away : () => resolve(result.is));
        } catch (error) {
          answer(() => reject(error));
        }
      };
      sim.after(sim.fault(0.02) ? sim.between(100, 1_500) : sim.between(1, 6), run, null);
    });

/** One at a time, in the order of the calls, as processor/ledger/fences.ts has it. */
export const inTurn = (transact: Transact): Transact => {
  let turn: Promise<unknown> = Promise.resolve();
  return (work) => {
    const run = () => transact(work);
    const mine = turn.then(run, run);
    turn = mine;
    return mine;
  };
};
