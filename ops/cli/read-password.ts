// ops/cli/read-password.ts: a password from the terminal, without showing it, or the first line of what is piped in. Never from
// the arguments: those are in the history of the shell and in the list of processes.

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { AppError } from '../../shared/runtime/app-error.ts';

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

/** Rejects with CONFIG_INVALID when there is none. */
export const readPassword = (input: NodeJS.ReadStream, prompt: NodeJS.WritableStream): Promise<string> =>
  new Promise((resolve, reject) => {
    const lines = createInterface({ input, output: nowhere(), terminal: input.isTTY === true });
    let password: string | null = null;
    if (input.isTTY) prompt.write('Password: ');
    lines.once('line', (line) => {
      password = line;
      lines.close();
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      if (input.isTTY) prompt.write('\n');
      if (password === null) reject(new AppError('CONFIG_INVALID', 'No password was given.'));
      else resolve(password);
    });
  });
