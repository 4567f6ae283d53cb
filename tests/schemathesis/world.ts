// tests/schemathesis/world.ts: a service in which requests meet orders in every status, with a client of each role.

import { inject } from 'vitest';
import type { UserRole } from '../../api/access/roles.ts';
import { openDatabase } from '../../shared/postgres/database.ts';
import { uniqueName } from '../support/builders/unique-name.ts';
import { startFulfilmentEndpoint } from '../support/faults/fulfilment-endpoint.ts';
import { basic } from '../support/in-memory/accounts.ts';
import { ordersCli } from '../support/stack/service/orders-cli.ts';
import { type RoleProcess, startRole } from '../support/stack/service/role-process.ts';
import { startService } from '../support/stack/service/service.ts';

export interface World {
  /** Asks for credentials. */
  guarded: RoleProcess;
  /** On the same log, with AUTH=off. */
  open: RoleProcess;
  authorization: Record<UserRole, string>;
  stop: () => Promise<void>;
}

// Slower than orders come, and with some that wait from the start: there are always some in `pending`, which can be amended.
const IN_PROCESSING_MAX = 1;
const FULFILMENT_MS = 1_000;
const WAITING_FROM_THE_START = 1_000;
// One order of so many is refused at its first attempt, and so parked.
const PARKED_ONE_OF = 3;

export const startWorld = async (): Promise<World> => {
  const accounts = uniqueName('accounts');
  const endpoint = await startFulfilmentEndpoint();
  let orders = 0;
  endpoint.behave((orderId, call) => {
    if (call === 1 && ++orders % PARKED_ONE_OF === 0) return 422;
    setTimeout(endpoint.release, FULFILMENT_MS, orderId);
    return 'hold';
  });
  const env = {
    ACCOUNTS_SCHEMA: accounts,
    FULFILMENT: 'http',
    FULFILMENT_URL: endpoint.url,
    PROCESSOR_CONCURRENCY: String(IN_PROCESSING_MAX),
    RATE_LIMIT_PER_SECOND: '100000', // the limit has its own tests; here it would answer everything
  };
  const service = await startService({ ...env, AUTH: 'required', JWT_SECRET: 'thirty-two bytes and a few more of them' });
  const open = await startRole('api', { ...service.env, AUTH: 'off' });

  const clientOf = async (role: UserRole): Promise<string> => {
    const { stdout } = await ordersCli(['--json', 'create-client', '--name', role, '--role', role], service.env);
    const { client_id: id, client_secret: secret } = JSON.parse(stdout) as { client_id: string; client_secret: string };
    return basic(id, secret);
  };
  const authorization = { customer: await clientOf('customer'), operator: await clientOf('operator'), admin: await clientOf('admin') };
  const populated = await fetch(`${service.roles.api.url}/orders/populate`, {
    method: 'POST',
    headers: { authorization: authorization.operator, 'content-type': 'application/json' },
    body: JSON.stringify({ total_entries: WAITING_FROM_THE_START }),
  });
  if (populated.status !== 201) throw new Error(`no orders to begin with: ${await populated.text()}`);
  const stop = async (): Promise<void> => {
    endpoint.stop();
    await open.stop();
    await service.stop();
    const database = openDatabase({ url: inject('stack').database, schema: accounts, applicationName: 'tests' });
    await database.query(`DROP SCHEMA IF EXISTS ${accounts} CASCADE`);
    await database.end();
  };
  return { guarded: service.roles.api, open, authorization, stop };
};
