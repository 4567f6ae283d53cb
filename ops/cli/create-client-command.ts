// ops/cli/create-client-command.ts: `npm run orders -- create-client --name … --role …`: an api client and its secret.

import { newClientId, newSecret, secretHash } from '../../api/access/client-secrets.ts';
import type { Role } from '../../api/access/roles.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { withAccounts } from './accounts-of.ts';
import type { Addresses } from './addresses.ts';
import type { Terminal } from './terminal.ts';

export interface CreateClientOptions {
  name: string;
  role: Role;
}

/** The secret is shown this once and stored as a hash. Resolves with the exit code. */
export const runCreateClient =
  ({ name, role }: CreateClientOptions) =>
  async (_client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
    const clientId = newClientId();
    const secret = newSecret();
    await withAccounts(addresses, (store) => store.createClient({ clientId, name, role, secretHash: secretHash(secret) }));
    terminal.result({ client_id: clientId, client_secret: secret, name, role }, [
      `Created the api client ${name} with the role ${role}. The secret is not shown again.`,
      `  id      ${clientId}`,
      `  secret  ${secret}`,
      `  try     curl -u ${clientId}:SECRET ${callFor(role)}`,
    ]);
    return 0;
  };

/** What this role may call. */
const callFor = (role: Role): string =>
  role === 'fulfiller'
    ? `-H 'content-type: application/json' -d '{"outcome":"done"}' http://HOST:PORT/orders/ORDER_ID/fulfilment`
    : 'http://HOST:PORT/orders';
