// ops/drill/drill-stack.ts: a whole stack of its own for one drill: temporary data, free ports, and what an operator would see of it.
// Nothing of a stack that runs on this machine already is touched.

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../shared/runtime/app-error.ts';
import { dataOutside } from '../local-stack/postgres/postgres-home.ts';
import { readableLine } from '../local-stack/processes/readable-line.ts';
import { readStartSettings } from '../local-stack/settings.ts';
import { createStack, type Stack } from '../local-stack/stack.ts';
import { temporaryData } from '../local-stack/temporary-data.ts';

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
  sees: (sentence: RegExp, clientSees?: (api: string) => Promise<string[]>) => Promise<string>;
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
const SEEN_LIMIT_MS = 120_000;
const POLL_MS = 200;
const SENTENCES_MAX = 1_000; // of which one is looked for; roles that restart repeat themselves
const READY_ANSWER_LIMIT_MS = 2_000;

export const createDrillStack = async ({ say, machine, env: more = {}, ...options }: DrillStackOptions): Promise<DrillStack> => {
  const data = await temporaryData('drill');
  const { PATH, HOME, TMPDIR, JAVA_HOME } = machine;
  const env: NodeJS.ProcessEnv = { PATH, HOME, TMPDIR, JAVA_HOME, LOG_LEVEL: 'info', ...more };
  const anyPort = { PORT: '0', PROCESSOR_PORT: '0', PROJECTOR_PORT: '0', KAFKA_PORT: '0', POSTGRES_PORT: '0' };
  const external = (await options.database?.(join(data.path, 'pair'), CHECKOUT)) ?? null;
  const runFile = join(data.path, 'run.json');
  let stack: Stack | null = null;
  let starting: Promise<string> = Promise.reject(new Error('not begun'));
  starting.catch(() => {});
  let sentences: string[] = [];

  const hear = (sentence: string): void => {
    sentences.push(sentence);
    if (sentences.length > SENTENCES_MAX) sentences.shift();
  };
  const begin: DrillStack['begin'] = ({ withoutRoles } = { withoutRoles: false }) => {
    sentences = [];
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

  const run = (): { api: string; kafka: string; database: string; processes: Record<string, { port: number }> } => {
    if (!existsSync(runFile)) throw new AppError('LOCAL_STACK', 'The stack of the drill has not started its processes yet.');
    return JSON.parse(readFileSync(runFile, 'utf8'));
  };
  const notReady = async (): Promise<string[]> => {
    if (!existsSync(runFile)) return [];
    const { processes } = run();
    const roles = (['api', 'processor', 'projector'] as const).filter((role) => processes[role] !== undefined);
    const answers = await Promise.all(roles.map((role) => reasonsOf(role, processes[role]!.port)));
    return answers.flat();
  };
  const sees: DrillStack['sees'] = async (sentence, clientSees = async () => []) => {
    const deadline = performance.now() + SEEN_LIMIT_MS;
    while (performance.now() < deadline) {
      const clients = existsSync(runFile) ? await clientSees(run().api) : [];
      const found = [...sentences, ...(await notReady()), ...clients].find((said) => sentence.test(said));
      if (found !== undefined) return found;
      await delay(POLL_MS);
    }
    throw new AppError('LOCAL_STACK', `Nothing like ${sentence} was said. The last lines:\n${sentences.slice(-20).join('\n')}`);
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
    const { kafka, database } = run();
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
    forgetSaid: () => {
      sentences = [];
    },
    sees,
    setEnv: (told) => Object.assign(env, told),
    orders,
    addresses: run,
    remove: async () => {
      await stop();
      await external?.stop();
      await data.remove();
    },
  };
};

/** Why a role is not ready, one sentence each; none: it is. A process between two starts does not answer, which is a reason, too. */
const reasonsOf = async (role: string, port: number): Promise<string[]> => {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(READY_ANSWER_LIMIT_MS) });
    const { checks = {} } = (await response.json()) as { checks?: Record<string, { ok: boolean; detail?: string; reason?: string }> };
    if (response.ok) return [];
    return Object.entries(checks).flatMap(([name, { ok, ...why }]) =>
      ok ? [] : [`${role} is not ready, ${name}: ${Object.values(why).join(' ')}`],
    );
  } catch {
    return [`${role} does not answer`];
  }
};
