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
  /** Until then many transactions of the process wait, and many of their answers are late. */
  readonly slowUntil: Map<Process, number>;
}

/** How likely a transaction waits or its answer is late: at any time, and while the process is slow. */
const LATE = 0.02;
const LATE_WHILE_SLOW = { work: 0.1, answer: 0.5 };

const SLOW_ANSWER_MS = [100, 1_000] as const;

export const isSlow = (sim: Simulation, { slowUntil }: Database, process: Process): boolean => sim.now() < (slowUntil.get(process) ?? 0);

export const createTransactions =
  (sim: Simulation, process: Process, database: Database): Transact =>
  (work) =>
    new Promise((resolve, reject) => {
      const { faults, restarts } = database;
      const isCut = (): boolean => database.restarts !== restarts || sim.now() < database.downUntil;
      const away = (): void => reject(new AppError('DATABASE_UNAVAILABLE', 'simulated'));
      const isLate = (what: 'work' | 'answer'): boolean => sim.fault(isSlow(sim, database, process) ? LATE_WHILE_SLOW[what] : LATE);
      // A late answer: whoever asked may have lost what it asked for, and have it again.
      const answerMs = (): number => {
        if (!isLate('answer')) return sim.between(0, 6);
        return isSlow(sim, database, process) ? sim.between(...SLOW_ANSWER_MS) : sim.between(100, 4_000);
      };
      const answer = (action: () => void): void => void sim.after(answerMs(), () => (isCut() ? away() : action()), process);
      const run = (): void => {
        try {
          const result = isCut() || sim.fault(faults) ? null : { is: work() };
          answer(result === null || sim.fault(faults) ? away : () => resolve(result.is));
        } catch (error) {
          answer(() => reject(error));
        }
      };
      sim.after(isLate('work') ? sim.between(100, 1_500) : sim.between(1, 6), run, null);
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
