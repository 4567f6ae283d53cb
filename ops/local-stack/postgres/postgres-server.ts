// ops/local-stack/postgres/postgres-server.ts: a PostgreSQL server on loopback with one database and one role, both called `orders`. What it
// holds can be rebuilt from the log, except accounts: nothing here ever deletes data.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '../../../shared/postgres/database.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { commandLineOf, runsWith } from '../command-line.ts';
import { LOOPBACK } from '../ports.ts';
import type { ProcessSpec } from '../processes/keep-running.ts';
import { runTool } from '../processes/run-tool.ts';
import type { PostgresHome } from './postgres-home.ts';
import { INITDB_LOCALE, POSTGRES_SETTINGS, roleStatements } from './postgres-settings.ts';

export interface PostgresOptions {
  /** Keeps the password (mode 0600) and the log; postgres-home.ts has made it. */
  dir: string;
  home: PostgresHome;
  port: number;
  signal: AbortSignal;
}

// Nothing of the caller's environment: PG* variables would change what the programs do, a locale what they say.
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

const SETTINGS: Record<string, string> = {
  ...POSTGRES_SETTINGS,
  listen_addresses: LOOPBACK,
  unix_socket_directories: '', // no second way in
};

/** Initialises the data directory on the first start and says how the server is run. `url` holds the password. */
export const preparePostgres = async (options: PostgresOptions): Promise<{ spec: ProcessSpec; url: string }> => {
  const { dir, home, port } = options;
  const passwordFile = join(dir, 'password');
  const known = existsSync(passwordFile) ? (await readFile(passwordFile, 'utf8')).trim() : null;
  const password = known ?? randomBytes(24).toString('base64url');
  if (known === null) await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (!existsSync(home.data)) await initialise(options, password);
  else if (known === null) await asSuperuser(options, home.data, [`ALTER ROLE orders PASSWORD '${password}'`]);

  const url = `postgres://orders:${password}@${LOOPBACK}:${port}/orders`;
  const settings = Object.entries({ ...SETTINGS, port: String(port) }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const spec: ProcessSpec = {
    name: 'postgres',
    port,
    command: join(home.programs, 'bin', 'postgres'),
    args: ['-D', home.data, ...settings],
    env: ENVIRONMENT,
    cwd: '/',
    identity: home.identity,
    outputFile: join(dir, 'postgres.log'),
    stopSignal: 'SIGINT', // fast shutdown: open transactions are rolled back, a checkpoint is written
    marker: home.data,
    beforeStart: () => forgetForeignPid(home.data),
    isReady: () => databaseAnswers(url),
  };
  return { spec, url };
};

/** True when the database accepts our role. Never rejects. */
export const databaseAnswers = async (url: string): Promise<boolean> => {
  const database = openDatabase({ url, schema: 'public', applicationName: 'ops', maxConnections: 1 });
  try {
    await database.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await database.end();
  }
};

/** Beside the data directory, then renamed: the data is complete or absent. The superuser gets no password, so cannot log in. */
const initialise = async (options: PostgresOptions, password: string): Promise<void> => {
  const { data, programs, identity } = options.home;
  const fresh = `${data}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true, mode: 0o700 });
  if (identity) await chown(fresh, identity.uid, identity.gid);
  const access = ['--username=postgres', '--auth-local=reject', '--auth-host=scram-sha-256'];
  const how = { env: ENVIRONMENT, cwd: '/', identity, signal: options.signal };
  const { code, output } = await runTool(join(programs, 'bin', 'initdb'), ['-D', fresh, ...INITDB_LOCALE, ...access], how);
  if (code !== 0) throw new AppError('LOCAL_STACK', `PostgreSQL's data in ${data} could not be initialised: ${output.trim().slice(-500)}`);
  await asSuperuser(options, fresh, roleStatements(password));
  await rename(fresh, data);
};

/** Single-user mode needs no password and no port; each line is one statement. */
export const asSuperuser = async ({ home, signal }: PostgresOptions, data: string, statements: string[]): Promise<void> => {
  const args = ['--single', '-D', data, '-c', 'exit_on_error=on', 'postgres'];
  const how = { env: ENVIRONMENT, cwd: '/', identity: home.identity, signal, input: `${statements.join('\n')}\n` };
  const { code, output } = await runTool(join(home.programs, 'bin', 'postgres'), args, how);
  if (code !== 0) throw new AppError('LOCAL_STACK', `PostgreSQL's role could not be set up: ${output.trim().slice(-500)}`);
};

/**
 * After a SIGKILL the pid file stays. PostgreSQL passes over it when no such process runs, but refuses when its id was given
 * to another program meanwhile; a server that really runs on this data keeps its file, and the new one ends.
 */
const forgetForeignPid = async (data: string): Promise<void> => {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number.parseInt(await readFile(file, 'utf8'), 10);
  if (commandLineOf(pid) !== null && !runsWith(pid, data)) await rm(file, { force: true });
};
