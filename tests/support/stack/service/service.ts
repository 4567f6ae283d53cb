// tests/support/stack/service/service.ts: the whole service for one test file.
// An api, a processor and a projector as real processes, with a topic and a schema of their own on the shared broker and database.

import { inject } from 'vitest';
import { openDatabase } from '../../../../shared/postgres/database.ts';
import { uniqueName } from '../../builders/unique-name.ts';
import { eventually } from '../../eventually.ts';
import { patience } from '../../machine.ts';
import { REMOTE_URL } from '../remote-url.ts';
import { type RoleName, type RoleProcess, startRole } from './role-process.ts';

export interface OrderBody {
  order_id: string;
  user_id: string;
  status: string;
  version: number;
  total_amount: number;
  [field: string]: unknown;
}

export interface Service {
  env: Record<string, string>;
  roles: Record<RoleName, RoleProcess>;
  /** Starts a role that was killed again, or one more of it. */
  start: (role: RoleName) => Promise<RoleProcess>;
  get: (path: string) => Promise<{ status: number; body: Record<string, unknown> }>;
  post: (
    body: unknown,
    headers?: Record<string, string>,
    path?: string,
  ) => Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>;
  completed: (orderId: string) => Promise<OrderBody>;
  stop: () => Promise<void>;
}

const DECISION_WAIT_MS = 5_000; // its default
const DECISION_WAIT_MAX_MS = 60_000; // that an api takes

export const startService = async (extra: Record<string, string> = {}): Promise<Service> => {
  if (REMOTE_URL !== undefined) return clientOf(remoteRoles(REMOTE_URL), {}, refuseRemote, async () => {});
  const topic = uniqueName('orders');
  const schema = uniqueName('read_model');
  const ledgerSchema = uniqueName('ledger');
  const productsTopic = uniqueName('products');
  const accountsSchema = uniqueName('accounts');
  const own = {
    ORDERS_TOPIC: topic,
    PRODUCTS_TOPIC: productsTopic,
    READ_MODEL_SCHEMA: schema,
    LEDGER_SCHEMA: ledgerSchema,
    ACCOUNTS_SCHEMA: accountsSchema,
  };
  // A command on a slow machine is answered later, and not 202.
  const env = { ...own, LOG_LEVEL: 'warn', DECISION_WAIT_MS: String(Math.min(patience(DECISION_WAIT_MS), DECISION_WAIT_MAX_MS)), ...extra };
  const start = (role: RoleName): Promise<RoleProcess> => startRole(role, env);
  // The projector first: it brings the tables that the others read.
  const projector = await start('projector');
  const [api, processor] = await Promise.all([start('api'), start('processor')]);
  const stop = async (): Promise<void> => {
    await Promise.all(Object.values(roles).map((role) => role.stop()));
    const database = openDatabase({ url: inject('stack').database, schema, applicationName: 'tests' });
    for (const name of [schema, ledgerSchema, accountsSchema]) await database.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
    await database.end();
  };
  const roles = { api, processor, projector };
  return clientOf(roles, env, start, stop);
};

const refuseRemote = (): never => {
  throw new Error('A service that was not started here is not restarted or stopped here either.');
};

const remoteRoles = (url: string): Service['roles'] => {
  const remote: RoleProcess = { pid: 0, url, stop: refuseRemote, kill: refuseRemote, exited: new Promise(() => {}), output: () => '' };
  return { api: remote, processor: remote, projector: remote };
};

const clientOf = (roles: Service['roles'], env: Service['env'], start: Service['start'], stop: Service['stop']): Service => {
  const get = async (path: string) => {
    const response = await fetch(`${roles.api.url}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const post = async (body: unknown, headers: Record<string, string> = {}, path = '/orders') => {
    const response = await fetch(`${roles.api.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown>, headers: response.headers };
  };
  const completed = (orderId: string): Promise<OrderBody> =>
    eventually(
      async () => {
        const { body } = await get(`/orders/${orderId}`);
        return body.status === 'completed' ? (body as unknown as OrderBody) : undefined;
      },
      { what: `order ${orderId} to be completed` },
    );
  return { env, roles, start, get, post, completed, stop };
};
