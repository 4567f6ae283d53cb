// tests/support/stack/service/orders-cli.ts: `npm run orders -- VERB` as a process of its own, against the test stack.

import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { inject } from 'vitest';

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..', '..');

/** `env`: the names of topics and schemas. Resolves however it ends. */
export const ordersCli = (args: readonly string[], env: Record<string, string>): Promise<CliResult> => {
  const { kafka, database } = inject('stack');
  const { PATH, HOME } = process.env;
  const all = { PATH, HOME, KAFKA_BROKERS: kafka, DATABASE_URL: database, ...env };
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [join(CHECKOUT, 'ops/cli/main.ts'), ...args],
      { env: all, cwd: CHECKOUT },
      (_, stdout, stderr) => done({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
};
