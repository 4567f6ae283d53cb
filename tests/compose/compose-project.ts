// tests/compose/compose-project.ts: docker-compose.yml as an operator runs it, under a project name, with volumes, secrets and ports of its own.
// So it disturbs nothing that runs beside it.

import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { choosePorts, LOOPBACK } from '../../ops/local-stack/ports.ts';
import { uniqueName } from '../support/builders/unique-name.ts';

const run = promisify(execFile);
const CHECKOUT = resolve(import.meta.dirname, '..', '..');
const OUTPUT_MAX_BYTES = 16 * 1024 * 1024;
const ANY_PORT = { variable: 'none', port: 0 };

export interface ComposeProject {
  api: string;
  prometheus: string;
  /** `docker compose ARGS…`; `variables` win over the project's own. */
  compose: (args: readonly string[], variables?: Record<string, string>) => Promise<string>;
  /** Runs one project of the tests against the api, through an address that needs no credentials. */
  runTests: (url: string, files: readonly string[]) => Promise<{ code: number | null; output: string }>;
  remove: () => Promise<void>;
}

/** Nothing runs yet. `extraFiles`: more --env-file arguments, as ops/compose/cluster.env. */
export const createComposeProject = async (extraFiles: readonly string[] = []): Promise<ComposeProject> => {
  const name = uniqueName('order-service').replaceAll('_', '-');
  const folder = await mkdtemp(join(tmpdir(), 'order-service-compose-'));
  const secrets = join(folder, '.env');
  // The script writes beside itself: the checkout's own .env is not touched.
  await cp(join(CHECKOUT, 'ops', 'secrets.sh'), join(folder, 'ops', 'secrets.sh'));
  await run('sh', [join(folder, 'ops', 'secrets.sh')]);
  const [api, prometheus] = (await choosePorts([ANY_PORT, ANY_PORT])) as [number, number];
  const { PATH, HOME, TMPDIR, DOCKER_HOST } = process.env;
  const own = {
    API_PUBLISH: `${LOOPBACK}:${api}`,
    PROMETHEUS_PUBLISH: `${LOOPBACK}:${prometheus}`,
    RATE_LIMIT_PER_SECOND: '1000000', // one caller does the work of many
  };
  const compose: ComposeProject['compose'] = async (args, variables = {}) => {
    const files = [secrets, ...extraFiles].flatMap((file) => ['--env-file', file]);
    const env = { PATH, HOME, TMPDIR, DOCKER_HOST, ...own, ...variables };
    const { stdout } = await run('docker', ['compose', '-p', name, ...files, ...args], { cwd: CHECKOUT, env, maxBuffer: OUTPUT_MAX_BYTES });
    return stdout;
  };
  const runTests: ComposeProject['runTests'] = (url, files) =>
    new Promise((settle) => {
      const vitest = join(CHECKOUT, 'node_modules', 'vitest', 'vitest.mjs');
      const args = [vitest, 'run', '--project', 'e2e', '--project', 'bulk', '--reporter', 'verbose', ...files];
      const child = spawn(process.execPath, args, {
        cwd: CHECKOUT,
        env: { PATH, HOME, TMPDIR, SERVICE_URL: url },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.once('close', (code) => settle({ code, output }));
    });
  const remove = async (): Promise<void> => {
    await compose(['--profile', 'cluster', 'down', '--volumes', '--timeout', '10']);
    await rm(folder, { recursive: true, force: true });
  };
  return { api: `http://${LOOPBACK}:${api}`, prometheus: `http://${LOOPBACK}:${prometheus}`, compose, runTests, remove };
};
