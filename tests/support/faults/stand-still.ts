// tests/support/faults/stand-still.ts: a broker or a database that hangs: its processes stand still, its connections stay open and nothing answers.
// As on a machine that swaps, or under a debugger. Only processes of a test's own environment, by their ids.

import { openDatabase } from '../../../shared/postgres/database.ts';
import type { OwnEnvironment } from '../stack/own-environment.ts';

/** Wakes what stands still: it goes on with what has come in meanwhile. */
export type WakeUp = () => void;

export const hangBroker = async ({ broker }: OwnEnvironment): Promise<WakeUp> => stop([runningPid(broker)]);

/** The postmaster, and every backend that there is. */
export const hangDatabase = async ({ postgres, database: url }: OwnEnvironment): Promise<WakeUp> => {
  const database = openDatabase({ url, schema: 'public', applicationName: 'tests', maxConnections: 1 });
  try {
    await database.query('SELECT 1');
    const wakePostmaster = stop([runningPid(postgres)]); // from here on it starts no more; the open connection still answers
    const { rows } = await database.query<{ pid: number }>('SELECT pid FROM pg_stat_activity');
    const wakeBackends = stop(rows.map(({ pid }) => pid));
    return () => {
      wakeBackends();
      wakePostmaster();
    };
  } finally {
    await database.end();
  }
};

const runningPid = ({ pid, spec }: OwnEnvironment['broker']): number => {
  const running = pid();
  if (running === null) throw new Error(`${spec.name} does not run.`);
  return running;
};

const stop = (pids: readonly number[]): WakeUp => {
  for (const pid of pids) signal(pid, 'SIGSTOP');
  return () => {
    for (const pid of pids) signal(pid, 'SIGCONT');
  };
};

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself meanwhile.
  }
};
