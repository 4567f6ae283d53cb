// tests/support/stack/own-environment.ts: a broker and a database of one's own, in a temporary folder and on free ports, for tests that kill
// them. They are started again when they die, as `npm start` does.

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startBackingServices } from '../../../ops/local-stack/backing-services.ts';
import { choosePorts } from '../../../ops/local-stack/ports.ts';
import { dataOutside } from '../../../ops/local-stack/postgres/postgres-home.ts';
import type { KeptProcess } from '../../../ops/local-stack/processes/keep-running.ts';
import { stopInOrder } from '../../../ops/local-stack/processes/stop-in-order.ts';
import { startWatchdog } from '../../../ops/local-stack/processes/watchdog.ts';

export interface OwnGround {
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

export const startOwnGround = async (say: (sentence: string) => void = () => {}): Promise<OwnGround> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'order-service-ground-'));
  await chmod(dataDir, 0o755); // as root PostgreSQL runs as another user, who must be able to enter
  const watchdog = startWatchdog(dataDir);
  const kept: KeptProcess[] = [];
  const stop = async (): Promise<void> => {
    await stopInOrder([kept]);
    const outside = await dataOutside(join(dataDir, 'postgres'));
    for (const folder of [dataDir, outside]) if (folder) await rm(folder, { recursive: true, force: true });
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
