// tests/support/stack/service/role-process.ts: one role as a real process, for tests that start, stop and kill it.

import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { inject } from 'vitest';
import { freePort } from '../../../../ops/local-stack/ports.ts';
import { eventually } from '../../eventually.ts';

export interface RoleProcess {
  pid: number;
  /** http://127.0.0.1:PORT */
  url: string;
  /** SIGTERM; resolves with how it ended. */
  stop: () => Promise<Exit>;
  /** SIGKILL unless told otherwise. */
  kill: (signal?: NodeJS.Signals) => void;
  exited: Promise<Exit>;
  /** The end of what it has printed. */
  output: () => string;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export type RoleName = 'api' | 'processor' | 'projector';

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..', '..');
const PORT_VARIABLE: Record<RoleName, string> = { api: 'PORT', processor: 'PROCESSOR_PORT', projector: 'PROJECTOR_PORT' };
const READY_LIMIT_MS = 30_000;
const OUTPUT_MAX = 20_000;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL'); // a test that failed half-way leaves nobody behind
});

/**
 * Starts `node ROLE/main.ts` on a free port against the test stack (`env` may name others) and waits until it is ready, or only answers.
 * Rejects with the end of its output when it ends before that, or is not ready within 30 s; it does not run on then.
 */
export const startRole = async (
  role: RoleName,
  env: Record<string, string> = {},
  until: 'ready' | 'live' = 'ready',
): Promise<RoleProcess> => {
  const { kafka, database } = inject('stack');
  const port = await freePort();
  // Not the whole environment: vitest's NODE_ENV changes how libraries behave.
  const { PATH, HOME, TMPDIR } = process.env;
  const own = { KAFKA_BROKERS: kafka, DATABASE_URL: database, HOST: '127.0.0.1', AUTH: 'off', [PORT_VARIABLE[role]]: String(port) };
  const child = spawn(process.execPath, [join(CHECKOUT, role, 'main.ts')], {
    cwd: CHECKOUT,
    env: { PATH, HOME, TMPDIR, ...own, ...env },
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
    child.once('exit', (code, signal) => {
      running.delete(child);
      settle({ code, signal });
    });
  });
  const kill = (signal: NodeJS.Signals = 'SIGKILL') => void child.kill(signal);
  const stop = () => {
    kill('SIGTERM');
    return exited;
  };

  const url = `http://127.0.0.1:${port}`;
  const ready = async () => child.exitCode !== null || child.signalCode !== null || (await fetch(`${url}/health/${until}`)).ok;
  try {
    await eventually(ready, { what: `${role} ${until} on ${url}`, timeoutMs: READY_LIMIT_MS });
    const how = child.signalCode ?? (child.exitCode === null ? null : `code ${child.exitCode}`);
    if (how !== null) throw new Error(`${role} ended before it was ${until}: ${how}`);
  } catch (error) {
    kill();
    throw new Error(`${(error as Error).message}\n${printed}`, { cause: error });
  }
  return { pid: child.pid!, url, stop, kill, exited, output: () => printed };
};
