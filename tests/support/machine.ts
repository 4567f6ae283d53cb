// tests/support/machine.ts: how slow this machine is, measured once at the start of a run, and the waits that follow from it.
// Only limits of waiting follow from it, never what is asserted.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

// Handed down to the workers of the run and to the processes that they start.
const VARIABLE = 'TEST_SLOWNESS';
const PROBE = join(import.meta.dirname, 'machine-probe.ts');
// What the probe takes on a quiet machine of 2026 (docs/benchmarks.md): a process starts, loads the api and works a little.
const REFERENCE_MS = 600;
const PROBES = 3; // the slowest counts: what disturbed it comes again
const SLOWNESS_MIN = 2; // a machine that is quiet now may have other work in a minute
const SLOWNESS_MAX = 30; // beyond that a wait of 20 s is ten minutes, and the machine is of no use for a test

/** How many times slower than the reference this machine is taken to be: as it was at the start of the run, 2 at least. */
export const slowness = (): number => Number(process.env[VARIABLE] ?? 1);

/** A limit of this many milliseconds on the reference machine, as long as this machine needs. For limits, not for pauses. */
export const patience = (ms: number): number => Math.ceil(ms * slowness());

/** Called once, before the first test; says in a line what it measured. A value that is set already counts. */
export const measureMachine = (say: (line: string) => void): void => {
  if (process.env[VARIABLE] !== undefined) return;
  const took = Math.max(...Array.from({ length: PROBES }, timeProbe));
  const factor = Math.min(Math.max(took / REFERENCE_MS, SLOWNESS_MIN), SLOWNESS_MAX);
  process.env[VARIABLE] = factor.toFixed(1);
  say(`This machine starts a process of the service in ${(took / 1_000).toFixed(1)} s: tests wait ${slowness()} times their usual limits.`);
};

const timeProbe = (): number => {
  const startedAt = performance.now();
  execFileSync(process.execPath, [PROBE], { stdio: 'ignore' });
  return performance.now() - startedAt;
};
