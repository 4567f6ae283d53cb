// bench/system/system.ts: the system that is measured.
// A whole stack as `npm start` runs it, in a temporary folder and on free ports, and how much of what it was given it has completed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readStartSettings } from '../../ops/local-stack/settings.ts';
import { createStack } from '../../ops/local-stack/stack.ts';
import { type Database, openDatabase, type Queryable } from '../../shared/postgres/database.ts';
import { CHECKOUT, type Environment, type EnvironmentOptions, type Starting } from './environment.ts';

export const SCHEMA = 'read_model';
export const TOPIC = 'orders';
export const PARTITIONS = 12;

export const SYSTEM_PROCESSES = ['broker', 'postgres', 'api', 'processor', 'projector'] as const;
export const ROLES = ['api', 'processor', 'projector'] as const;

export interface System extends Environment {
  apiPort: number;
  /** Orders that PostgreSQL shows as completed. */
  completed: () => Promise<number>;
  /** So many orders more were answered with 201. */
  accepted: (orders: number) => void;
  /** Resolves when every accepted order is completed in PostgreSQL; rejects when nothing moves any more. */
  untilCompleted: () => Promise<void>;
  /**
   * Holds the processor and the projector (SIGSTOP), so that the cores are left to the api and the broker. Not for longer than
   * a few seconds: their group would give their partitions away.
   */
  pauseReaders: () => void;
  resumeReaders: () => void;
  /** Ends every role and resolves when all run again, now from the compile cache as after any start but the first. */
  restartRoles: () => Promise<void>;
}

const FREE_PORTS = { PORT: '0', PROCESSOR_PORT: '0', PROJECTOR_PORT: '0', KAFKA_PORT: '0', POSTGRES_PORT: '0' };
const POLL_MS = 200;
// Longer than a restart of any of the processes takes.
const STANDSTILL_LIMIT_MS = 30_000;

export const createSystem = ({ dataDir, env, say }: EnvironmentOptions): Starting<System> => {
  const script = (role: string) => join(CHECKOUT, role, 'main.ts');
  const stack = createStack({
    checkout: CHECKOUT,
    dataDir,
    settings: readStartSettings(FREE_PORTS),
    env: { ...env, PROCESSING_TIME_MS: '0', LOG_LEVEL: 'warn' },
    scripts: { api: script('api'), processor: script('processor'), projector: script('projector') },
    say,
    onLine: (name, line) => say(`${name}: ${messageOf(line)}`),
    onRefused: say,
  });
  let database: Database | undefined;
  const start = async (): Promise<System> => {
    const api = await stack.start();
    const run = () => JSON.parse(readFileSync(join(dataDir, 'run.json'), 'utf8')) as RunFile;
    const { kafka, database: databaseUrl } = run();
    database = openDatabase({ url: databaseUrl, schema: SCHEMA, applicationName: 'bench', maxConnections: 1 });
    const processes = () => Object.fromEntries(SYSTEM_PROCESSES.map((name) => [name, run().processes[name]!.pid]));
    const signalReaders = (signal: NodeJS.Signals): void => {
      for (const role of ['processor', 'projector']) process.kill(processes()[role]!, signal);
    };
    return {
      kafka,
      databaseUrl,
      processes,
      apiPort: Number(new URL(api).port),
      ...bookkeeping(database),
      pauseReaders: () => signalReaders('SIGSTOP'),
      resumeReaders: () => signalReaders('SIGCONT'),
      restartRoles: async () => {
        const before = processes();
        for (const role of ROLES) process.kill(before[role]!, 'SIGTERM');
        const isBack = (role: (typeof ROLES)[number]) => processes()[role] !== before[role] && isReady(run().processes[role]!.port);
        for (const deadline = Date.now() + STANDSTILL_LIMIT_MS; ; await delay(POLL_MS)) {
          if ((await Promise.all(ROLES.map(isBack))).every(Boolean)) return;
          if (Date.now() > deadline) throw new Error('the roles did not come back');
        }
      },
    };
  };
  const stop = async (): Promise<void> => {
    await database?.end();
    await stack.stop();
  };
  return { start, stop };
};

const bookkeeping = (database: Queryable): Pick<System, 'completed' | 'accepted' | 'untilCompleted'> => {
  let expected = 0;
  const completed = async (): Promise<number> => {
    const { rows } = await database.query<{ completed: number }>('SELECT coalesce(sum(completed), 0)::int8 AS completed FROM counters');
    return rows[0]!.completed;
  };
  const untilCompleted = async (): Promise<void> => {
    for (let last = { completed: -1, at: 0 }; ; await delay(POLL_MS)) {
      const now = await completed();
      if (now >= expected) return;
      if (now > last.completed) last = { completed: now, at: Date.now() };
      if (Date.now() - last.at > STANDSTILL_LIMIT_MS) throw new Error(`${expected - now} accepted orders are not completed`);
    }
  };
  const accepted = (orders: number): void => {
    expected += orders;
  };
  return { completed, accepted, untilCompleted };
};

interface RunFile {
  kafka: string;
  database: string;
  processes: Record<string, { pid: number; port: number }>;
}

const isReady = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

/** What a role says is a line of JSON; the message is enough here. */
const messageOf = (line: string): string => {
  try {
    return String((JSON.parse(line) as { msg?: unknown }).msg ?? line);
  } catch {
    return line;
  }
};
