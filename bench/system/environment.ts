// bench/system/environment.ts: where the bench runs.
// A temporary folder, free ports, and a broker and a database that are its own whatever the environment says.

import { join, resolve } from 'node:path';
import { startBackingServices } from '../../ops/local-stack/backing-services.ts';
import { choosePorts } from '../../ops/local-stack/ports.ts';
import type { KeptProcess } from '../../ops/local-stack/processes/keep-running.ts';
import { stopInOrder } from '../../ops/local-stack/processes/stop-in-order.ts';
import { startWatchdog } from '../../ops/local-stack/processes/watchdog.ts';
import type { ProcessIds } from '../measure/window.ts';

export const CHECKOUT = resolve(import.meta.dirname, '../..');

/** Broker and database, with or without the roles. */
export interface Environment {
  kafka: string;
  databaseUrl: string;
  /** As they are now: a process that died has another. */
  processes: () => ProcessIds;
}

export interface EnvironmentOptions {
  dataDir: string;
  /** For the programs that are started: what a search path and a home are, no addresses. */
  env: NodeJS.ProcessEnv;
  say: (sentence: string) => void;
}

/** `stop` must be called in any case, also when `start` rejects. */
export interface Starting<T> {
  start: () => Promise<T>;
  stop: () => Promise<void>;
}

/** Broker and database alone, on the data that a system has left. */
export const createEnvironment = ({ dataDir, env, say }: EnvironmentOptions): Starting<Environment> => {
  const watchdog = startWatchdog(join(dataDir, 'run.json'));
  const kept: KeptProcess[] = [];
  const interrupted = new AbortController();
  const start = async (): Promise<Environment> => {
    const any = { variable: 'none', port: 0 };
    const [broker, controller, postgres] = (await choosePorts([any, any, any])) as [number, number, number];
    const { kafka, database: databaseUrl } = await startBackingServices(
      {
        checkout: CHECKOUT,
        dataDir,
        jarsDir: join(CHECKOUT, '.data', 'kafka'),
        lasting: true,
        // Processes of this machine: what they use is part of what is measured.
        settings: { KAFKA_BROKERS: '', DATABASE_URL: '', BACKING_SERVICES: 'local' },
        ports: { broker, controller, postgres },
        env,
        signal: interrupted.signal,
        say,
      },
      {
        onStarted: (started) => void kept.push(started),
        onChange: () => watchdog.guard(kept.flatMap(({ pid }) => pid() ?? [])),
        onLine: () => {},
        say,
      },
    );
    return { kafka, databaseUrl, processes: () => Object.fromEntries(kept.map(({ spec, lastPid }) => [spec.name, lastPid()!])) };
  };
  const stop = async (): Promise<void> => {
    interrupted.abort();
    await stopInOrder([kept]);
    watchdog.release();
  };
  return { start, stop };
};
