// tests/schemathesis/installation.ts: installs the pinned Schemathesis into .data/, once for each requirements.txt.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { patience } from '../support/machine.ts';

/** One of the two is there. `missing`: one sentence about what this machine does not have. */
export interface Installation {
  program?: string;
  missing?: string;
}

const CHECKOUT = resolve(import.meta.dirname, '../..');
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
// That of requirements.txt.
const PYTHON_MIN = [3, 11];
// Some 15 MB, over a poor line.
const INSTALL_LIMIT_MS = patience(150_000);
// A registry that cannot be reached knows no version at all. Anything else, such as a wrong hash or a version that is gone, is a failure.
const NOT_REACHED = /from versions: none|Connection|Network is unreachable|Name or service not known|Read timed out/i;

/** Rejects when what was installed is not what is pinned. */
export const provideSchemathesis = async (): Promise<Installation> => {
  const python = await findPython();
  if (python === null) return { missing: `There is no Python ${PYTHON_MIN.join('.')} or newer.` };
  const version = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const home = join(CHECKOUT, '.data', 'schemathesis', version);
  const bin = join(home, 'bin');
  const program = join(bin, 'schemathesis');
  const complete = join(home, 'complete');
  if (existsSync(complete)) return { program };

  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  const made = await run(python, ['-m', 'venv', home]);
  if (made.code !== 0) return { missing: 'Python cannot make a virtual environment (on Debian: python3-venv).' };
  const installed = await run(join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', '--require-hashes', '-r', REQUIREMENTS]);
  if (installed.code !== 0 && NOT_REACHED.test(installed.output)) return { missing: 'pip cannot reach a registry of packages.' };
  if (installed.code !== 0) throw new Error(`pip could not install ${REQUIREMENTS}:\n${installed.output}`);
  await writeFile(complete, '');
  return { program };
};

const findPython = async (): Promise<string | null> => {
  const check = `import sys; sys.exit(sys.version_info < (${PYTHON_MIN.join(', ')}))`;
  for (const name of ['python3', 'python']) if ((await run(name, ['-c', check])).code === 0) return name;
  return null;
};

/** Resolves however it ends. With the whole environment: proxies, authorities and registries are pip's settings. */
const run = (program: string, args: readonly string[]): Promise<{ code: number; output: string }> =>
  new Promise((settle) => {
    execFile(program, args, { timeout: INSTALL_LIMIT_MS }, (error, stdout, stderr) =>
      settle({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, output: `${stdout}${stderr}` }),
    );
  });
