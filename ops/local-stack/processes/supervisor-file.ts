// ops/local-stack/processes/supervisor-file.ts: one supervisor per data folder, and the processes that it has. The file is a lock while its
// supervisor lives; after a SIGKILL it tells the next one what was left over.

import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { commandLineOf, runsWith } from '../command-line.ts';

export interface RunningProcess {
  name: string;
  pid: number;
  /** One of its arguments that no other folder's process has. */
  marker: string;
}

interface Contents {
  pid: number;
  commandLine: string | null;
  processes: RunningProcess[];
}

export interface SupervisorFile {
  record: (processes: RunningProcess[]) => void;
  release: () => void;
}

// Roles and broker end within 5 s of a signal, or they do not end by one.
const LEFTOVER_LIMIT_MS = 5_000;
const LEFTOVER_POLL_MS = 50;

/**
 * Claims the folder. Throws LOCAL_STACK when another supervisor runs there. What a killed one left running is stopped first:
 * only processes whose command line still is the one that was recorded.
 */
export const claimFolder = async (dataDir: string, say: (sentence: string) => void): Promise<SupervisorFile> => {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, 'supervisor.json');
  const former = read(path);
  if (former && former.pid !== process.pid && former.commandLine !== null && commandLineOf(former.pid) === former.commandLine) {
    throw new AppError(
      'LOCAL_STACK',
      `The stack runs already here (process ${former.pid}): stop it first, or use its addresses in ${join(dataDir, 'run.json')}.`,
    );
  }
  const own: Contents = { pid: process.pid, commandLine: commandLineOf(process.pid), processes: former?.processes ?? [] };
  replaceFile(path, own);
  for (const leftover of own.processes) await stopLeftover(leftover, say);
  return {
    record: (processes) => replaceFile(path, { ...own, processes }),
    release: () => rmSync(path, { force: true }),
  };
};

/** Readers see the old or the new content, never half of one; only the owner may read it. */
export const replaceFile = (path: string, contents: object): void => {
  const fresh = `${path}.${randomBytes(4).toString('hex')}`;
  writeFileSync(fresh, `${JSON.stringify(contents, null, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, path);
};

const read = (path: string): Contents | null => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Contents;
  } catch {
    return null; // absent
  }
};

const stopLeftover = async ({ name, pid, marker }: RunningProcess, say: (sentence: string) => void): Promise<void> => {
  if (!runsWith(pid, marker)) return;
  say(`stopping ${name} (process ${pid}), left over from a run that was killed`);
  signal(pid, 'SIGINT'); // means "stop now, in order" to PostgreSQL, and to the others what SIGTERM does
  const deadline = Date.now() + LEFTOVER_LIMIT_MS;
  while (runsWith(pid, marker)) {
    if (Date.now() >= deadline) signal(pid, 'SIGKILL');
    await delay(LEFTOVER_POLL_MS);
  }
};

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
};
