// tests/mutants/run.ts: runs mutants in processes of their own and reads what was found.

import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { patience } from '../support/machine.ts';
import { type Mutant, seedsOf } from './mutant.ts';

export interface Finding {
  /** Of the first violation; null: there was none. */
  seed: number | null;
  violation: string | null;
  /** How many were run. */
  seeds: number;
}

// Seeds and virtual time are the limits of a run. This one only ends a process that hangs: the slowest takes some seconds.
const HANG_MS = 180_000;

const execute = promisify(execFile);

const run = async (args: readonly string[]): Promise<Finding> => {
  const { stdout } = await execute(process.execPath, [join(import.meta.dirname, 'run-one.ts'), ...args], { timeout: patience(HANG_MS) });
  return JSON.parse(stdout) as Finding;
};

export const runMutant = (mutant: Mutant): Promise<Finding> => {
  const { from, to } = seedsOf(mutant);
  return run(['--mutant', mutant.name, '--world', mutant.world, '--from', String(from), '--seeds', String(to - from)]);
};

/** The same world without any mutant. */
export const runUnmutated = (world: string, from: number, seeds: number): Promise<Finding> =>
  run(['--world', world, '--from', String(from), '--seeds', String(seeds)]);

/** As many at a time as there are cores; results in the order of the input. */
export const inParallel = async <T, R>(inputs: readonly T[], work: (input: T) => Promise<R>): Promise<R[]> => {
  const results = new Array<R>(inputs.length);
  const queue = inputs.entries();
  const worker = async (): Promise<void> => {
    for (const [index, input] of queue) results[index] = await work(input);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
};
