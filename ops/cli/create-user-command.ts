// ops/cli/create-user-command.ts: `npm run orders -- create-user --email … --name … --role …`: how the first administrator comes in.

import { createPasswords } from '../../api/access/accounts/passwords.ts';
import type { UserRole } from '../../api/access/roles.ts';
import { createValidatorCompiler } from '../../api/http/validation.ts';
import { UserInput } from '../../api/schemas/accounts.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { withAccounts } from './accounts-of.ts';
import type { Addresses } from './addresses.ts';
import { readPassword } from './read-password.ts';
import type { Terminal } from './terminal.ts';

export interface CreateUserOptions {
  email: string;
  name: string;
  role: UserRole;
}

/** By the rules of POST /users. Resolves with the exit code. */
export const runCreateUser =
  (options: CreateUserOptions) =>
  async (_client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
    const password = await readPassword(process.stdin, process.stderr);
    const valid = createValidatorCompiler()({ schema: UserInput })({ ...options, password });
    if (valid !== true) return failed(terminal, valid.error.message);
    const passwordHash = await createPasswords().hash(password);
    const user = await withAccounts(addresses, (store) => store.createUser({ ...options, passwordHash }));
    if (user === 'email_taken') return failed(terminal, `There is a user with the email ${options.email} already.`);
    terminal.result({ user_id: user.userId, email: user.email, name: user.name, role: user.role }, [
      `Created the ${user.role} ${user.name} <${user.email}> with the id ${user.userId}.`,
    ]);
    return 0;
  };

const failed = (terminal: Terminal, sentence: string): number => {
  terminal.failure(sentence);
  return 1;
};
