// tests/support/stack/stack.ts: one broker and one database per test run, from the same ladder as `npm start`. A global setup of
// vitest's: it runs for each project that names it; the first starts, the last stops and deletes.

import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type BackingServices, startBackingServices } from '../../../ops/local-stack/backing-services.ts';
import { choosePorts } from '../../../ops/local-stack/ports.ts';
import type { KeptProcess } from '../../../ops/local-stack/processes/keep-running.ts';
import { stopInOrder } from '../../../ops/local-stack/processes/stop-in-order.ts';
import { startWatchdog } from '../../../ops/local-stack/processes/watchdog.ts';
import { readStartSettings } from '../../../ops/local-stack/settings.ts';
import { temporaryData } from '../../../ops/local-stack/temporary-data.ts';
import { REMOTE_URL } from './remote-url.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** `const { kafka, database } = inject('stack')`: bootstrap list and URL. Shared by all tests: use names of your own. */
    stack: { kafka: string; database: string };
  }
}

interface TestStack extends Pick<BackingServices, 'kafka' | 'database'> {
  stop: () => Promise<void>;
}

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..');
const ANY_PORT = { variable: 'none', port: 0 };

// Every project loads this module again; what they share lives in the process.
const thisProcess = globalThis as { testStack?: { users: number; started: Promise<TestStack> } };

/** vitest calls it and, at the end, what it returns. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  if (REMOTE_URL !== undefined) {
    project.provide('stack', { kafka: '', database: '' }); // the service under test has its own, out of reach
    return async () => {};
  }
  thisProcess.testStack ??= { users: 0, started: startTestStack() };
  const shared = thisProcess.testStack;
  shared.users += 1;
  const { kafka, database, stop } = await shared.started;
  project.provide('stack', { kafka, database });
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    thisProcess.testStack = undefined;
    await stop();
  };
};

const startTestStack = async (): Promise<TestStack> => {
  const { path: dataDir, remove } = await temporaryData('tests');
  const watchdog = startWatchdog(dataDir);
  const processes: KeptProcess[] = [];
  const say = (sentence: string) => process.stdout.write(`test stack | ${sentence}\n`);
  const onChange = () => watchdog.guard(processes.flatMap(({ pid }) => pid() ?? []));
  const stop = async () => {
    await stopInOrder([processes]);
    await remove();
    watchdog.release();
  };
  try {
    const { KAFKA_BROKERS, DATABASE_URL, BACKING_SERVICES } = process.env;
    const [broker, controller, postgres] = (await choosePorts([ANY_PORT, ANY_PORT, ANY_PORT])) as [number, number, number];
    const environment = {
      checkout: CHECKOUT,
      dataDir,
      jarsDir: join(CHECKOUT, '.data', 'kafka'),
      lasting: false,
      settings: readStartSettings({ KAFKA_BROKERS, DATABASE_URL, BACKING_SERVICES }),
      ports: { broker, controller, postgres },
      env: process.env,
      signal: new AbortController().signal,
      say,
    };
    const events = { onChange, say, onLine: () => {}, onStarted: (started: KeptProcess) => void processes.push(started) };
    const { kafka, database, descriptions } = await startBackingServices(environment, events);
    say(Object.values(descriptions).join(', '));
    return { kafka, database, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
