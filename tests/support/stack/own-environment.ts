// tests/support/stack/own-environment.ts: a broker and a database for tests that kill them.
// In a temporary folder and on free ports. They are started again when they die, as `npm start` does.

import { join, resolve } from 'node:path';
import { startBackingServices } from '../../../ops/local-stack/backing-services.ts';
import { choosePorts } from '../../../ops/local-stack/ports.ts';
import type { KeptProcess } from '../../../ops/local-stack/processes/keep-running.ts';
import { stopInOrder } from '../../../ops/local-stack/processes/stop-in-order.ts';
import { startWatchdog } from '../../../ops/local-stack/processes/watchdog.ts';
import { temporaryData } from '../../../ops/local-stack/temporary-data.ts';

export interface OwnEnvironment {
  /** Bootstrap list and URL of the processes themselves. */
  kafka: string;
  database: string;
  broker: KeptProcess;
  postgres: KeptProcess;
  dataDir: string;
  /** Ends both and deletes their data. */
  stop: () => Promise<void>;
}

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..');
const ANY_PORT = { variable: 'none', port: 0 };

export const startOwnEnvironment = async (say: (sentence: string) => void = () => {}): Promise<OwnEnvironment> => {
  const { path: dataDir, remove } = await temporaryData('environment');
  const watchdog = startWatchdog(dataDir);
  const kept: KeptProcess[] = [];
  const stop = async (): Promise<void> => {
    await stopInOrder([kept]);
    await remove();
    watchdog.release();
  };
  try {
    const [broker, controller, postgres] = (await choosePorts([ANY_PORT, ANY_PORT, ANY_PORT])) as [number, number, number];
    const { PATH, HOME, TMPDIR, JAVA_HOME } = process.env;
    const { kafka, database } = await startBackingServices(
      {
        checkout: CHECKOUT,
        dataDir,
        jarsDir: join(CHECKOUT, '.data', 'kafka'),
        lasting: false,
        // Processes of this machine: their ids are what is signalled.
        settings: { KAFKA_BROKERS: '', DATABASE_URL: '', BACKING_SERVICES: 'local' },
        ports: { broker, controller, postgres },
        env: { PATH, HOME, TMPDIR, JAVA_HOME },
        signal: new AbortController().signal,
        say,
      },
      {
        onStarted: (started) => void kept.push(started),
        onChange: () => watchdog.guard(kept.flatMap(({ pid }) => pid() ?? [])),
        onLine: () => {},
        say,
      },
    );
    const named = (name: string) => kept.find(({ spec }) => spec.name === name)!;
    return { kafka, database, broker: named('broker'), postgres: named('postgres'), dataDir, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
