// tests/integration/recovery/recovery.ts: a whole service with orders in it, whose log a test then harms, and the operator who repairs it.

import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { createAppender } from '../../../shared/log/append/appender.ts';
import { partitionOf } from '../../../shared/log/append/partitioner.ts';
import { encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { createLogClient, type LogClient } from '../../../shared/log/connect/client.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { readNextOffsets } from '../../../shared/postgres/tables/checkpoints.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { created } from '../../support/builders/order-events.ts';
import { eventually } from '../../support/eventually.ts';
import type { CliResult } from '../../support/stack/service/cli-process.ts';
import { ordersCli } from '../../support/stack/service/orders-cli.ts';
import { type RoleName, startRole } from '../../support/stack/service/role-process.ts';
import { type Service, startService } from '../../support/stack/service/service.ts';

export interface Recovery {
  service: Service;
  client: LogClient;
  orders: string;
  products: string;
  readModel: Database;
  ledger: Database;
  /** `npm run orders -- …` */
  cli: (...args: string[]) => Promise<CliResult>;
  addStock: (id: string, stock: number) => Promise<void>;
  /** Submits them, half of them with a stocked item, and waits until all are completed; resolves with their ids. */
  buy: (count: number) => Promise<string[]>;
  stopRoles: () => Promise<void>;
  /** `live`: not ready, as long as the log has lost its beginning. */
  startRoles: (until?: 'ready' | 'live') => Promise<void>;
  /** Everything that is in both schemas, to see that nothing changed. */
  everything: () => Promise<unknown>;
  stop: () => Promise<void>;
}

const ROLES: readonly RoleName[] = ['projector', 'processor', 'api'];
const PARTITIONS = 3; // so that each has enough to lose some of it
const TABLES = {
  readModel: ['checkpoints', 'orders', 'order_products', 'events', 'counters', 'processing_time_histogram'],
  ledger: ['ledger', 'partitions', 'products', 'product_requests', 'reservations', 'carried_orders'],
};

/** `where`: a broker and a database of its own, else those of the test stack. */
export const startRecovery = async (where: { kafka: string; database: string } = inject('stack')): Promise<Recovery> => {
  const addresses = { KAFKA_BROKERS: where.kafka, DATABASE_URL: where.database };
  const service = await startService({ PROCESSING_TIME_MS: '20', ORDERS_PARTITIONS: String(PARTITIONS), ...addresses });
  const { ORDERS_TOPIC: orders, PRODUCTS_TOPIC: products, READ_MODEL_SCHEMA, LEDGER_SCHEMA } = service.env as Record<string, string>;
  const open = (schema: string) => openDatabase({ url: where.database, schema, applicationName: 'tests', maxConnections: 2 });
  const [readModel, ledger] = [open(READ_MODEL_SCHEMA!), open(LEDGER_SCHEMA!)];
  const client = createLogClient({ brokers: [where.kafka], clientId: 'tests', logger: createLogger('tests', 'silent') });
  let bought = 0;

  const addStock = async (id: string, stock: number): Promise<void> => {
    const { status, body } = await service.post({ product_id: id, name: id, price: 1, stock }, {}, '/products');
    if (status !== 201) throw new Error(JSON.stringify(body));
  };
  const buyOne = async (n: number): Promise<string> => {
    const items = [{ product_id: n % 2 === 0 ? 'lamp' : 'untracked' }];
    const { status, body } = await service.post({ user_id: n, items, ...(n % 2 === 0 ? {} : { total_amount: 1 }) });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body.order_id as string;
  };
  const buy = async (count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (; ids.length < count; bought += 1) ids.push(await buyOne(bought)); // one after the other: many small batches
    for (const id of ids) await service.completed(id);
    await contained();
    return ids;
  };
  /** The rows contain the whole log, and nothing of it is unsettled. */
  const contained = async (): Promise<void> => {
    const isContained = async (): Promise<boolean> => {
      const ends = await logEnd(client, orders!);
      const offsets = await readNextOffsets(readModel, orders!);
      const held = await ledger.query("SELECT FROM reservations WHERE state = 'held'");
      return held.rowCount === 0 && [...ends].every(([partition, { high }]) => (offsets.get(partition) ?? 0) >= high);
    };
    await eventually(isContained, { what: 'the rows to contain the whole log' });
  };
  const rowsOf = async (database: Database, tables: readonly string[]) =>
    Object.fromEntries(
      await Promise.all(
        tables.map(async (table) => [table, (await database.query(`SELECT t::text AS row FROM ${table} t ORDER BY 1`)).rows] as const),
      ),
    );

  return {
    service,
    client,
    orders: orders!,
    products: products!,
    readModel,
    ledger,
    cli: (...args) => ordersCli(args, { ...service.env, ...addresses }),
    addStock,
    buy,
    stopRoles: async () => {
      for (const role of [...ROLES].reverse()) await service.roles[role].stop();
    },
    startRoles: async (until = 'ready') => {
      for (const role of ROLES) service.roles[role] = await startRole(role, service.env, until);
    },
    everything: async () => [await rowsOf(readModel, TABLES.readModel), await rowsOf(ledger, TABLES.ledger)],
    stop: async () => {
      for (const schema of [READ_MODEL_SCHEMA, LEDGER_SCHEMA]) {
        const { rows } = await readModel.query<{ name: string }>('SELECT nspname::text AS name FROM pg_namespace WHERE nspname LIKE $1', [
          `${schema}_kept%`,
        ]);
        for (const { name } of rows) await readModel.query(`DROP SCHEMA ${name} CASCADE`);
      }
      await Promise.all([readModel.end(), ledger.end()]);
      await service.stop();
    },
  };
};

const LATER_MS = 15_000; // more than the window in which copies of a creation are told by memory alone (R5)

/**
 * Lets every partition have an order that was created later than all others by its writer's clock: then its processor starts behind those
 * that are over. Resolves when it does; the projector has read all of it.
 */
export const moveStarts = async ({ service, client, orders, ledger }: Recovery): Promise<void> => {
  const partitionCounts = new Map([[orders, PARTITIONS]]);
  const appender = createAppender({ client, partitionCounts });
  const latest = new Map<number, number>();
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const id = uniqueIdIn(partition);
    const { offset } = await appender.append(encodeOrderEvent(created(id, {}, { time: Date.now() + LATER_MS }), orders));
    latest.set(partition, offset);
    await service.completed(id);
  }
  await appender.stop();
  const moved = async () => {
    const starts = await startsOf(ledger, orders);
    return [...latest].every(([partition, offset]) => starts.get(partition)! >= offset);
  };
  await eventually(moved, { what: 'processors to start behind what is over' });
};

/** Partition → where its owner starts, by the ledger. */
export const startsOf = async (ledger: Database, topic: string): Promise<Map<number, number>> => {
  const { rows } = await ledger.query<{ partition: number; start_offset: number }>(
    'SELECT partition, start_offset FROM partitions WHERE topic = $1',
    [topic],
  );
  return new Map(rows.map((row) => [row.partition, row.start_offset]));
};

const uniqueIdIn = (partition: number): string => {
  for (;;) {
    const id = randomUUID();
    if (partitionOf(id, PARTITIONS) === partition) return id;
  }
};

/** How many records the log has. */
export const recordsIn = async ({ client }: Recovery, topic: string): Promise<number> =>
  [...(await logEnd(client, topic)).values()].reduce((sum, { low, high }) => sum + high - low, 0);

/** Deletes the topics, as a broker that comes up without its disk has none. Resolves when Kafka knows of them no more. */
export const deleteTopics = async ({ client }: Recovery, topics: readonly string[]): Promise<void> => {
  await client.withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [...topics] });
    await eventually(async () => (await admin.listTopics()).every((name) => !topics.includes(name)), { what: 'the topics to be gone' });
  });
};

/** The sentence with which a role ends instead of starting. */
export const refusalOf = async ({ service }: Recovery, role: RoleName): Promise<string> => {
  try {
    const started = await service.start(role);
    await started.stop();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

/** The names that `kept list` says, of the schema. */
export const keptNames = async ({ cli }: Recovery): Promise<string[]> => {
  const { stdout } = await cli('--json', 'kept', 'list');
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { schema: string }).schema);
};
