// When an empty ledger is complete: only while nobody has decided anything. Orders may have come in before the first processor.

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openLedger } from '../../../processor/ledger/open-ledger.ts';
import { createAppender, type RunningAppender } from '../../../shared/log/append/appender.ts';
import { encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { encodeProductEvent } from '../../../shared/log/codec/product-codec.ts';
import { createLogClient, type LogClient } from '../../../shared/log/connect/client.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../../shared/postgres/maintenance-lock.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { created, fact } from '../../support/builders/order-events.ts';
import { productCreated } from '../../support/builders/product-events.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';

const PARTITIONS = 2;
const topics = [uniqueName('orders'), uniqueName('products')] as const;
let client: LogClient;
let appender: RunningAppender;
const opened: Database[] = [];

beforeAll(async () => {
  client = createLogClient({ brokers: [inject('stack').kafka], clientId: 'tests', logger: createLogger('tests', 'silent') });
  const all = topics.map((name) => ({ name, partitions: PARTITIONS }));
  await ensureTopics({ client, topics: all, replicationFactor: 1, minInsyncReplicas: 1 });
  appender = createAppender({ client, partitionCounts: new Map(topics.map((name) => [name, PARTITIONS])) });
});
afterAll(async () => {
  await appender.stop();
  for (const database of opened) {
    await database.query(`DROP SCHEMA IF EXISTS ${database.schema} CASCADE`);
    await database.end();
  }
});

const newDatabase = (): Database => {
  const database = openDatabase({ url: inject('stack').database, schema: uniqueName('ledger'), applicationName: 'tests' });
  opened.push(database);
  return database;
};
const isComplete = async (database: Database): Promise<boolean> => {
  await openLedger({ database, client, topics });
  return (await database.query<{ complete: boolean }>('SELECT complete FROM ledger')).rows[0]!.complete;
};

describe('a new ledger', () => {
  it('is complete on an empty log, for any number of processors that start at once', async () => {
    const database = newDatabase();
    expect(await Promise.all(Array.from({ length: 3 }, () => isComplete(database)))).toContain(true);
    expect(await isComplete(database)).toBe(true);
  });

  it('is complete while the log has only what clients asked for', async () => {
    const [orders, products] = topics;
    await Promise.all([
      appender.append(encodeOrderEvent(created(randomUUID()), orders)),
      appender.append(encodeProductEvent(productCreated(randomUUID(), 5), products)),
    ]);
    expect(await isComplete(newDatabase())).toBe(true);
  });

  it('is complete however much came in before the first processor', async () => {
    const orders = Array.from({ length: 21_000 }, () => encodeOrderEvent(created(randomUUID()), topics[0]));
    for (let at = 0; at < orders.length; at += 5_000)
      await Promise.all(orders.slice(at, at + 5_000).map((order) => appender.append(order)));
    expect(await isComplete(newDatabase())).toBe(true);
  });

  it('is left to a rebuild that is under way', async () => {
    const database = newDatabase();
    expect(await underMaintenanceLock(database, 'exclusive', () => isComplete(database))).toBe(false);
    expect(await isComplete(database)).toBe(true);
  });

  it('is not complete once a processor has decided something, until it is rebuilt', async () => {
    await appender.append(encodeOrderEvent(fact('OrderProcessing', randomUUID(), 2, 'pending'), topics[0]));
    expect(await isComplete(newDatabase())).toBe(false);
  });
});
