// tests/support/stack/service/cli-process.ts: `npm run orders -- VERB` as a process of its own.

import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..', '..');

/** `env`: addresses, names of topics and schemas. Resolves however it ends. */
export const runOrders = (args: readonly string[], env: Record<string, string>): Promise<CliResult> => {
  const { PATH, HOME } = process.env;
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [join(CHECKOUT, 'ops/cli/main.ts'), ...args],
      { env: { PATH, HOME, ...env }, cwd: CHECKOUT },
      (_, stdout, stderr) => done({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
};
