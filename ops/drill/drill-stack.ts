// ops/drill/drill-stack.ts: a whole stack of its own for one drill: temporary data, free ports, and the operator's commands.
// Nothing of a stack that runs on this machine already is touched.

import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../shared/runtime/app-error.ts';
import { dataOutside } from '../local-stack/postgres/postgres-home.ts';
import { readableLine } from '../local-stack/processes/readable-line.ts';
import { readStartSettings } from '../local-stack/settings.ts';
import { createStack, type Stack } from '../local-stack/stack.ts';
import { temporaryData } from '../local-stack/temporary-data.ts';
import { createSightings, type Sightings } from './sightings.ts';

export interface DrillStack {
  /** Absolute paths of what a fault may break while everything is stopped. */
  kafkaData: string;
  postgresData: () => Promise<string>;
  /** Starts broker, database and roles without waiting for them to be ready: after a fault they may never be. */
  begin: (options?: { withoutRoles: boolean }) => void;
  /** Resolves with the api's URL when all roles are ready. Rejects with the sentence of one that refuses to run. */
  ready: () => Promise<string>;
  stop: () => Promise<void>;
  /** From now on `sees` looks at what is said after this. */
  forgetSaid: () => void;
  /** The first sentence that matches, of those that the roles print, end with, or give as the reason why they are not ready, or that clients see. */
  sees: Sightings['sees'];
  /** From the next start on the roles are told this, too. */
  setEnv: (more: Record<string, string>) => void;
  /** Runs `npm run orders -- ARGUMENTS`, prints it with what it says, and resolves with its exit code and its last lines. */
  orders: (args: readonly string[], options?: { input?: string }) => Promise<{ code: number; said: string }>;
  addresses: () => { api: string; kafka: string; database: string };
  /** Ends everything and deletes the data. */
  remove: () => Promise<void>;
}

export interface DrillStackOptions {
  say: (line: string) => void;
  /** Of the drill itself: where programs, home and Java are. */
  machine: NodeJS.ProcessEnv;
  /** What the roles are told beside addresses and ports. */
  env?: Record<string, string>;
  /** A database that is provided, in this folder; absent: the stack has its own. */
  database?: (folder: string, checkout: string) => Promise<{ url: string; stop: () => Promise<void> }>;
}

const CHECKOUT = resolve(import.meta.dirname, '..', '..');
// A broker that recovers, a projector that reads everything again: on a slow machine some ten seconds each.
const READY_LIMIT_MS = 180_000;
const POLL_MS = 200;

export const createDrillStack = async ({ say, machine, env: more = {}, ...options }: DrillStackOptions): Promise<DrillStack> => {
  const data = await temporaryData('drill');
  const { PATH, HOME, TMPDIR, JAVA_HOME } = machine;
  const env: NodeJS.ProcessEnv = { PATH, HOME, TMPDIR, JAVA_HOME, LOG_LEVEL: 'info', ...more };
  const anyPort = { PORT: '0', PROCESSOR_PORT: '0', PROJECTOR_PORT: '0', KAFKA_PORT: '0', POSTGRES_PORT: '0' };
  const external = (await options.database?.(join(data.path, 'pair'), CHECKOUT)) ?? null;
  const sightings = createSightings(join(data.path, 'run.json'));
  const { hear, notReady } = sightings;
  let stack: Stack | null = null;
  let starting: Promise<string> = Promise.reject(new Error('not begun'));
  starting.catch(() => {});

  const begin: DrillStack['begin'] = ({ withoutRoles } = { withoutRoles: false }) => {
    sightings.forget();
    const settings = readStartSettings({ ...env, ...anyPort, BACKING_SERVICES: 'local', ...(external && { DATABASE_URL: external.url }) });
    stack = createStack({
      checkout: CHECKOUT,
      dataDir: data.path,
      settings,
      env,
      withoutRoles,
      scripts: {
        api: join(CHECKOUT, 'api', 'main.ts'),
        processor: join(CHECKOUT, 'processor', 'main.ts'),
        projector: join(CHECKOUT, 'projector', 'main.ts'),
      },
      say: (sentence, part) => hear(part === undefined ? sentence : `${part}: ${sentence}`),
      onLine: (name, line) => hear(`${name}: ${readableLine(line)}`),
      onRefused: hear,
    });
    starting = stack.start();
    starting.catch(() => {}); // `ready` or `sees` hear of it
  };
  const stop = async (): Promise<void> => {
    await stack?.stop();
    stack = null;
  };

  const ready = async (): Promise<string> => {
    const api = await starting;
    const deadline = performance.now() + READY_LIMIT_MS;
    for (let reasons = await notReady(); reasons.length > 0; reasons = await notReady()) {
      if (performance.now() > deadline)
        throw new AppError('LOCAL_STACK', `Not ready after ${READY_LIMIT_MS / 1000} s: ${reasons.join('; ')}`);
      await delay(POLL_MS);
    }
    return api;
  };

  const orders: DrillStack['orders'] = (args, { input = '' } = {}) => {
    const { kafka, database } = sightings.running();
    say(`  $ npm run orders -- ${args.join(' ')}`);
    return new Promise((done) => {
      const given = { env: { ...env, LOG_LEVEL: 'silent', KAFKA_BROKERS: kafka, DATABASE_URL: database }, cwd: CHECKOUT };
      const child = execFile(process.execPath, [join(CHECKOUT, 'ops', 'cli', 'main.ts'), ...args], given, (_, stdout, stderr) => {
        const said = `${stdout}${stderr}`.trim();
        for (const line of said.split('\n')) say(`    ${line}`);
        done({ code: child.exitCode ?? -1, said });
      });
      child.stdin?.end(input);
    });
  };

  return {
    kafkaData: join(data.path, 'kafka', 'data'),
    postgresData: async () => (await dataOutside(join(data.path, 'postgres'))) ?? join(data.path, 'postgres', 'data'),
    begin,
    ready,
    stop,
    forgetSaid: sightings.forget,
    sees: sightings.sees,
    setEnv: (told) => Object.assign(env, told),
    orders,
    addresses: sightings.running,
    remove: async () => {
      await stop();
      await external?.stop();
      await data.remove();
    },
  };
};
