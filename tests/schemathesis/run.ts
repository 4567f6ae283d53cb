// tests/schemathesis/run.ts: one run of Schemathesis against an api, with what it found and which answers it got.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '../../api/access/roles.ts';
import { patience } from '../support/machine.ts';

export interface SchemathesisRun {
  code: number;
  output: string;
  /** How often each operation answered with each status. */
  answers: Record<string, Record<string, number>>;
}

interface Caller {
  role: Role;
  authorization: string;
}

interface RunOptions {
  program: string;
  url: string;
  /** Null: no credentials. */
  caller: Caller | null;
}

// The same in every run; another seed, and more examples, look elsewhere.
const SEED = process.env.SCHEMATHESIS_SEED ?? '1';
// Of each operation, besides those that follow from its schema: a minute in all.
const EXAMPLES_MAX = process.env.SCHEMATHESIS_EXAMPLES ?? '15';
// Two would go through the examples in another order each time, and Python 3.11 parses no source in two threads at once.
const WORKERS = 1;
// On a machine that is busy a command waits for its decision, and a read for the projector.
const REQUEST_LIMIT_S = Math.ceil(patience(30_000) / 1_000);
export const RUN_LIMIT_MS = patience(300_000);

/** Resolves however it ends: `code` 0 is nothing found. */
export const runSchemathesis = async ({ program, url, caller }: RunOptions): Promise<SchemathesisRun> => {
  const folder = await mkdtemp(join(tmpdir(), 'schemathesis-'));
  const answersFile = join(folder, 'answers.json');
  const args = ['--config-file', join(import.meta.dirname, 'schemathesis.toml'), 'run', `${url}/openapi.json`, '--url', url];
  args.push('--checks', 'all', '--seed', SEED, '--max-examples', EXAMPLES_MAX, '--workers', String(WORKERS));
  args.push('--continue-on-failure', '--generation-database', 'none', '--request-timeout', String(REQUEST_LIMIT_S), '--no-color');
  if (caller !== null) args.push('--header', `Authorization:${caller.authorization}`);
  const { PATH, HOME, TMPDIR, LANG } = process.env;
  const env = {
    ...{ PATH, HOME, TMPDIR, LANG },
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONPATH: import.meta.dirname,
    API_URL: url,
    API_ROLE: caller?.role ?? '',
    API_AUTHORIZATION: caller?.authorization ?? '',
    ANSWERS_FILE: answersFile,
  };
  try {
    const { code, output } = await execute(program, args, { env, cwd: folder });
    const answers = JSON.parse(await readFile(answersFile, 'utf8').catch(() => '{}')) as SchemathesisRun['answers'];
    return { code, output, answers };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const OUTPUT_MAX = 10_000_000;

const execute = (program: string, args: readonly string[], options: { env: NodeJS.ProcessEnv; cwd: string }) =>
  new Promise<{ code: number; output: string }>((settle) => {
    execFile(program, args, { ...options, timeout: RUN_LIMIT_MS, maxBuffer: OUTPUT_MAX }, (error, stdout, stderr) =>
      settle({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, output: `${stdout}${stderr}` }),
    );
  });
