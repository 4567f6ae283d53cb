// tests/support/stack/own-environment.ts: a broker and a database for tests that kill them.
// In a temporary folder and on free ports. They are started again when they die, as `npm start` does.

import { join, resolve } from 'node:path';
import { type DatabasePair, openDatabasePair } from '../../../ops/drill/faults/database-pair.ts';
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
  /** Of a pair: the primary of the moment. */
  readonly postgres: KeptProcess;
  dataDir: string;
  /** Ends both and deletes their data. */
  stop: () => Promise<void>;
}

export interface OwnPair extends OwnEnvironment {
  /** `database` and `postgres` lead to its primary. */
  pair: DatabasePair;
}

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..');
const ANY_PORT = { variable: 'none', port: 0 };

export const startOwnEnvironment = async (say: (sentence: string) => void = () => {}): Promise<OwnEnvironment> => start(say, () => null);

/** With a database that has an asynchronous standby. */
export const startOwnPair = (say: (sentence: string) => void): Promise<OwnPair> =>
  start(say, (dataDir, onChange) => openDatabasePair(join(dataDir, 'pair'), CHECKOUT, onChange));

type OpenPair<P> = (dataDir: string, onChange: (pids: readonly number[]) => void) => P | Promise<P>;

const start = async <P extends DatabasePair | null>(
  say: (sentence: string) => void,
  openPair: OpenPair<P>,
): Promise<OwnEnvironment & { pair: P }> => {
  const { path: dataDir, remove } = await temporaryData('environment');
  const watchdog = startWatchdog(dataDir);
  const kept: KeptProcess[] = [];
  let pair: P | null = null;
  let ofPair: readonly number[] = [];
  const guard = (): void => watchdog.guard([...kept.flatMap(({ pid }) => pid() ?? []), ...ofPair]);
  const stop = async (): Promise<void> => {
    await Promise.all([stopInOrder([kept]), pair?.stop()]);
    await remove();
    watchdog.release();
  };
  try {
    const opened = await openPair(dataDir, (pids) => {
      ofPair = pids;
      guard();
    });
    pair = opened;
    const [broker, controller, postgres] = (await choosePorts([ANY_PORT, ANY_PORT, ANY_PORT])) as [number, number, number];
    const { PATH, HOME, TMPDIR, JAVA_HOME } = process.env;
    const { kafka, database } = await startBackingServices(
      {
        checkout: CHECKOUT,
        dataDir,
        jarsDir: join(CHECKOUT, '.data', 'kafka'),
        lasting: false,
        // Processes of this machine: their ids are what is signalled.
        settings: { KAFKA_BROKERS: '', DATABASE_URL: opened?.url ?? '', BACKING_SERVICES: 'local' },
        ports: { broker, controller, postgres },
        env: { PATH, HOME, TMPDIR, JAVA_HOME },
        signal: new AbortController().signal,
        say,
      },
      { onStarted: (started) => void kept.push(started), onChange: guard, onLine: () => {}, say },
    );
    const named = (name: string) => kept.find(({ spec }) => spec.name === name)!;
    return {
      kafka,
      database,
      broker: named('broker'),
      get postgres() {
        return opened?.primary() ?? named('postgres');
      },
      pair: opened,
      dataDir,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
