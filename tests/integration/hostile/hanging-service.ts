// tests/integration/hostile/hanging-service.ts: the service on a broker and a database of its own, which a test makes stand still.
// With access control, orders that can be changed, and an api that knows one order only from its row.

import { createAccountStore } from '../../../api/access/accounts/account-store.ts';
import { newClientId, newSecret, secretHash } from '../../../api/access/client-secrets.ts';
import { openDatabase } from '../../../shared/postgres/database.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { basic } from '../../support/in-memory/accounts.ts';
import { type OwnEnvironment, startOwnEnvironment } from '../../support/stack/own-environment.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import type { Member } from '../../support/stack/service/member.ts';

export interface Known {
  /** `Authorization` of an administrator that is an api client, whom the api remembers. */
  admin: string;
  /** The same of a user by token, and by email and password. */
  bearer: string;
  user: { id: string; email: string; password: string; basic: string };
  /** Open orders, which the api holds in memory. */
  pending: string[];
  /** A cancelled order that the api knows from its row only. */
  stored: string;
  /** Consistency-Token of the last order. */
  token: string;
  product: string;
}

export interface HangingService {
  environment: OwnEnvironment;
  fleet: Fleet;
  api: Member;
  known: Known;
  stop: () => Promise<void>;
}

const EMAIL = 'ada@example.com';
const PASSWORD = 'correct horse battery';
const ACCOUNTS = uniqueName('accounts');
const ENV = {
  AUTH: 'required',
  JWT_SECRET: 'thirty-two bytes and a few more of them',
  ACCOUNTS_SCHEMA: ACCOUNTS,
  // One slot, which the first order keeps: all others stay pending, and can be changed.
  PROCESSING_TIME_MS: '600000',
  PROCESSOR_CONCURRENCY: '1',
};
const PENDING_ORDERS = 6;
const ORDER = { user_id: 1, item_ids: [1], total_amount: 1 };

export const startHangingService = async (): Promise<HangingService> => {
  const environment = await startOwnEnvironment();
  let fleet: Fleet | undefined;
  const stop = async (): Promise<void> => {
    await fleet?.stop();
    await environment.stop();
  };
  try {
    fleet = await startFleet({ ...environment, env: ENV });
    const [first] = fleet.members('api') as [Member];
    const known = await prepare(first, await addAdmin(environment.database));
    // It has no memory of the order that ended before it began.
    const api = await fleet.add('api');
    await fleet.remove(first);
    return { environment, fleet, api, known, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

const addAdmin = async (url: string): Promise<string> => {
  const database = openDatabase({ url, schema: ACCOUNTS, applicationName: 'tests', maxConnections: 1 });
  const [clientId, secret] = [newClientId(), newSecret()];
  await createAccountStore(database).createClient({ clientId, name: 'tests', role: 'admin', secretHash: secretHash(secret) });
  await database.end();
  return basic(clientId, secret);
};

const prepare = async ({ url }: Member, admin: string): Promise<Known> => {
  const call = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: admin, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const response = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return { headers: response.headers, body: (await response.json()) as Record<string, unknown> };
  };
  const submit = async () => String((await call('POST', '/orders', ORDER)).body.order_id);

  const user = await call('POST', '/users', { email: EMAIL, name: 'Ada', password: PASSWORD, role: 'admin' });
  const { body } = await call('POST', '/auth', { email: EMAIL, password: PASSWORD });
  await call('POST', '/products', { product_id: 'known', name: 'known', price: 2, stock: 10 });
  const first = await submit();
  await eventually(async () => (await call('GET', `/orders/${first}`)).body.status === 'processing', {
    what: 'the first order to have the only slot',
  });
  const stored = await submit();
  await call('POST', `/orders/${stored}/cancel`);
  const pending: string[] = [];
  for (let n = 0; n < PENDING_ORDERS; n += 1) pending.push(await submit());
  const token = (await call('POST', '/orders', ORDER)).headers.get('consistency-token')!;
  await eventually(async () => (await call('GET', `/orders?after=${token}`)).headers.get('consistency') === null, {
    what: 'the read model to have all of them',
  });
  return {
    admin,
    bearer: `Bearer ${body.token}`,
    user: { id: String(user.body.user_id), email: EMAIL, password: PASSWORD, basic: basic(EMAIL, PASSWORD) },
    pending,
    stored,
    token,
    product: 'known',
  };
};
