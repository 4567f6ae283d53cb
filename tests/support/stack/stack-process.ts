// tests/support/stack/stack-process.ts: a whole stack as `npm start` runs it, for tests that kill its parts.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../eventually.ts';
import type { Exit } from './service/role-process.ts';

export interface RunFile {
  api: string;
  kafka: string;
  database: string;
  processes: Record<'broker' | 'postgres' | 'api' | 'processor' | 'projector', { pid: number; port: number }>;
}

export interface StackProcess {
  pid: number;
  /** run.json as it is now; null while there is none. */
  run: () => RunFile | null;
  output: () => string;
  /** Resolves once everything runs and the api is ready. */
  ready: () => Promise<RunFile>;
  signal: (signal: NodeJS.Signals) => void;
  exited: Promise<Exit>;
}

// The first start of a checkout fetches Kafka's jars.
const READY_LIMIT_MS = 120_000;
const OUTPUT_MAX = 50_000;
const STACK_MAIN = join(import.meta.dirname, 'stack-main.ts');
const FREE_PORTS = { PORT: '0', PROCESSOR_PORT: '0', PROJECTOR_PORT: '0', KAFKA_PORT: '0', POSTGRES_PORT: '0' };

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL'); // its watchdog ends the rest
});

/** Starts a stack on `dataDir`; the roles are the service's own, or api.ts, processor.ts and projector.ts of `scripts`. */
export const startStackProcess = (options: { dataDir: string; scripts?: string; env?: Record<string, string> }): StackProcess => {
  const { dataDir, scripts, env = {} } = options;
  const { PATH, HOME, TMPDIR, JAVA_HOME, DOCKER_HOST } = process.env;
  const child = spawn(process.execPath, [STACK_MAIN, dataDir, ...(scripts === undefined ? [] : [scripts])], {
    env: { PATH, HOME, TMPDIR, JAVA_HOME, ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }), ...FREE_PORTS, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed = (printed + chunk.toString()).slice(-OUTPUT_MAX);
    });
  }
  const exited = new Promise<Exit>((settle) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      settle({ code, signal });
    });
  });
  const runFile = join(dataDir, 'run.json');
  const run = () => (existsSync(runFile) ? (JSON.parse(readFileSync(runFile, 'utf8')) as RunFile) : null);
  const ready = async () => {
    const ended = () => child.exitCode !== null || child.signalCode !== null;
    try {
      await eventually(() => ended() || /\| ready;/.test(printed), { what: 'the stack to be ready', timeoutMs: READY_LIMIT_MS });
      if (ended()) throw new Error('the stack ended before it was ready');
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${printed}`, { cause: error });
    }
    return run()!;
  };
  return { pid: child.pid!, run, output: () => printed, ready, signal: (name) => void child.kill(name), exited };
};
