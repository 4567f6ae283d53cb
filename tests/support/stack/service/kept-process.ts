// tests/support/stack/service/kept-process.ts: faults of a process that is kept running: only of what was started here, by its id.

import type { KeptProcess } from '../../../../ops/local-stack/processes/keep-running.ts';
import { eventually } from '../../eventually.ts';
import { patience } from '../../machine.ts';

// A broker that recovers after SIGKILL, on a busy machine.
const BACK_LIMIT_MS = 60_000;

/** False while it is down. */
export const signalKept = (kept: KeptProcess, signal: NodeJS.Signals): boolean => {
  const pid = kept.pid();
  try {
    return pid !== null && process.kill(pid, signal);
  } catch {
    return false; // it has ended this very moment
  }
};

/** Ends it with `signal`, and resolves when its successor is ready. */
export const endAndAwait = async (kept: KeptProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
  const { name } = kept.spec;
  const before = await eventually(() => kept.pid(), { what: `${name} to run`, timeoutMs: BACK_LIMIT_MS });
  signalKept(kept, signal);
  await eventually(() => kept.pid() !== null && kept.pid() !== before, { what: `${name} to be started again`, timeoutMs: BACK_LIMIT_MS });
  await kept.untilReady({ limitMs: patience(BACK_LIMIT_MS), orEnds: false });
};
