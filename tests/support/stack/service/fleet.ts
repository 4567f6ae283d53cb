// tests/support/stack/service/fleet.ts: several instances of each role as real processes, started again when they die.
// With topics and schemas of their own on any broker and database. Signals go by process id to what was started here, to nothing else.

import { freePort } from '../../../../ops/local-stack/ports.ts';
import { stopInOrder } from '../../../../ops/local-stack/processes/stop-in-order.ts';
import { startWatchdog } from '../../../../ops/local-stack/processes/watchdog.ts';
import { openDatabase } from '../../../../shared/postgres/database.ts';
import type { Whereabouts } from '../../../oracle/oracle.ts';
import { uniqueName } from '../../builders/unique-name.ts';
import { createMember, type Member } from './member.ts';
import type { RoleName } from './role-process.ts';

export interface Fleet {
  where: Whereabouts;
  /** Those that run now, all or of one role. */
  members: (role?: RoleName) => Member[];
  urls: () => string[];
  /** One more; resolves when it is ready. */
  add: (role: RoleName, env?: Record<string, string>) => Promise<Member>;
  /** It is not started again. */
  remove: (member: Member, signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>;
  /** Resolves when every member is ready. */
  untilReady: () => Promise<void>;
  /** Ends the roles and drops the schemas. */
  stop: () => Promise<void>;
}

export interface FleetOptions {
  /** The broker and the database themselves. */
  kafka: string;
  database: string;
  /** What the roles are told instead: a proxy's addresses. */
  seen?: { kafka: string; database: string };
  count?: Partial<Record<RoleName, number>>;
  env?: Record<string, string>;
  /** Each member's output as NAME.log; absent: the end of it is kept in memory. */
  outputDir?: string;
}

/** Resolves when all are ready; rejects, and leaves nothing running, when one is not. */
export const startFleet = async (options: FleetOptions): Promise<Fleet> => {
  const { count = {}, seen = options } = options;
  const where: Whereabouts = {
    kafka: options.kafka,
    database: options.database,
    ordersTopic: uniqueName('orders'),
    productsTopic: uniqueName('products'),
    readModelSchema: uniqueName('read_model'),
    ledgerSchema: uniqueName('ledger'),
  };
  const accountsSchema = uniqueName('accounts');
  const { PATH, HOME, TMPDIR } = process.env;
  const env = {
    PATH,
    HOME,
    TMPDIR,
    KAFKA_BROKERS: seen.kafka,
    DATABASE_URL: seen.database,
    HOST: '127.0.0.1',
    AUTH: 'off',
    LOG_LEVEL: 'warn',
    ORDERS_TOPIC: where.ordersTopic,
    PRODUCTS_TOPIC: where.productsTopic,
    READ_MODEL_SCHEMA: where.readModelSchema,
    LEDGER_SCHEMA: where.ledgerSchema,
    ACCOUNTS_SCHEMA: accountsSchema,
    ...options.env,
  };
  const members = new Set<Member>();
  const watchdog = startWatchdog(''); // nothing to delete: the output is wanted even more after a crash
  let numbered = 0;

  const add = async (role: RoleName, more: Record<string, string> = {}): Promise<Member> => {
    numbered += 1;
    const name = `${role}-${numbered}`;
    const port = await freePort();
    const member = createMember({ role, name, port, env: { ...env, ...more }, outputDir: options.outputDir }, () =>
      watchdog.guard([...members].flatMap(({ kept }) => kept.pid() ?? [])),
    );
    members.add(member);
    member.kept.start();
    await member.untilReady();
    return member;
  };
  const remove: Fleet['remove'] = async (member, signal = 'SIGTERM') => {
    members.delete(member);
    member.signal('SIGCONT'); // a stopped process does not hear SIGTERM
    const stopped = stopInOrder([[member.kept]]); // first, so that it is not started again
    if (signal === 'SIGKILL') member.kept.kill();
    await stopped;
  };
  const stop = async (): Promise<void> => {
    for (const member of members) member.signal('SIGCONT');
    await stopInOrder([[...members].map(({ kept }) => kept)]);
    watchdog.release();
    const database = openDatabase({ url: where.database, schema: 'public', applicationName: 'tests', maxConnections: 1 });
    for (const schema of [where.readModelSchema, where.ledgerSchema, accountsSchema]) {
      await database.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    }
    await database.end();
  };
  const wanted = (role: RoleName) => Array.from({ length: count[role] ?? 1 }, () => role);
  try {
    // A projector first: it makes the tables that the others read.
    const [first, ...others] = [...wanted('projector'), ...wanted('processor'), ...wanted('api')];
    if (first !== undefined) await add(first);
    await Promise.all(others.map((role) => add(role)));
  } catch (error) {
    await stop();
    throw error;
  }
  const listed = (role?: RoleName) => [...members].filter((member) => role === undefined || member.role === role);
  return {
    where,
    members: listed,
    urls: () => listed('api').map(({ url }) => url),
    add,
    remove,
    untilReady: async () => void (await Promise.all(listed().map((member) => member.untilReady()))),
    stop,
  };
};
