// tests/mutants/run.ts: runs mutants in processes of their own and reads what was found.

import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Mutant } from './mutant.ts';

export interface Finding {
  /** Of the first violation; null: there was none. */
  seed: number | null;
  violation: string | null;
  /** How many were run, in how many seconds. */
  seeds: number;
  seconds: number;
}

/** As promised for every mutant. */
export const CAUGHT_WITHIN_SECONDS = 60;
// A run looks at the time between two seeds; loading takes a second, on a busy machine several.
const GRACE_MS = 20_000;

const execute = promisify(execFile);

const run = async (args: readonly string[]): Promise<Finding> => {
  const all = [join(import.meta.dirname, 'run-one.ts'), '--seconds', String(CAUGHT_WITHIN_SECONDS), ...args];
  const { stdout } = await execute(process.execPath, all, { timeout: CAUGHT_WITHIN_SECONDS * 1_000 + GRACE_MS });
  return JSON.parse(stdout) as Finding;
};

export const runMutant = ({ name, world, from = 1 }: Mutant): Promise<Finding> =>
  run(['--mutant', name, '--world', world, '--from', String(from)]);

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
