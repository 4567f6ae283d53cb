// The ledger in PostgreSQL: the contract, and what only a real database can get wrong.

import { randomUUIDv7 } from 'node:crypto';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createProductStore } from '../../../api/products/product-store.ts';
import type { Ledger, StockStep } from '../../../processor/ledger/ledger.ts';
import { LEDGER_SCHEMA_DIRECTORY } from '../../../processor/ledger/open-ledger.ts';
import { createPostgresLedger, LEDGER_SETTINGS } from '../../../processor/ledger/postgres-ledger.ts';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { migrate } from '../../../shared/postgres/migrate.ts';
import { productCreated, productEvent } from '../../support/builders/product-events.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { ledgerContract } from './ledger-contract.ts';

const opened: Database[] = [];
// After each: all of them together would take a third of the connections that the server has for every test file.
afterEach(async () => {
  for (const database of opened.splice(0)) await database.end();
});

const openTables = async () => {
  const schema = uniqueName('ledger');
  const open = (): Database => {
    const database = openDatabase({ url: inject('stack').database, schema, applicationName: 'tests', settings: LEDGER_SETTINGS });
    opened.push(database);
    return database;
  };
  const database = open();
  await migrate(database, LEDGER_SCHEMA_DIRECTORY);
  await database.query('UPDATE ledger SET complete = true');
  const process = (): Ledger => createPostgresLedger(open(), { newId: randomUUIDv7, now: Date.now });
  return { database, process };
};
type Counts = { put_in: number; reserved: number; sold: number };
const countsOf = async (database: Database, id: string): Promise<Counts | undefined> =>
  (await database.query<Counts>('SELECT put_in, reserved, sold FROM products WHERE product_id = $1', [id])).rows[0];

ledgerContract('in PostgreSQL', async () => {
  const { database, process } = await openTables();
  return {
    process,
    setComplete: async (complete) => void (await database.query('UPDATE ledger SET complete = $1', [complete])),
    backup: async () => {
      const tables = ['ledger', 'partitions', 'products', 'product_requests', 'reservations', 'carried_orders'];
      const older = uniqueName('backup');
      await database.query(`CREATE SCHEMA ${older}`);
      for (const table of tables) await database.query(`CREATE TABLE ${older}.${table} AS TABLE ${table}`);
      return () =>
        database.transaction(async (client) => {
          for (const table of tables) {
            await client.query(`DELETE FROM ${table}`);
            await client.query(`INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM ${older}.${table}`);
          }
          await client.query(`DROP SCHEMA ${older} CASCADE`);
        });
    },
    repaired: async () => void (await database.query('UPDATE ledger SET went_back = false')),
    counts: (id) => countsOf(database, id),
  };
});

const PRODUCTS = ['p0', 'p1', 'p2', 'p3'];
const withProducts = async (stock: number) => {
  const tables = await openTables();
  const ledger = tables.process();
  await ledger.claim('products', [0], new Map());
  await ledger.takeProductEvents(
    { topic: 'products', partition: 0 },
    PRODUCTS.map((id) => productCreated(id, stock)),
    { offset: PRODUCTS.length, note: null },
  );
  return tables;
};
const decide = (partition: number, orderId: string, ids: readonly string[]): StockStep => ({
  partition,
  orderId,
  version: 1,
  do: 'decide',
  lines: ids.map((product_id) => ({ product_id, quantity: 1 })),
});

/** Ends the backend in the middle of its COMMIT. */
const LOSE_AT_COMMIT = `
  CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';
  CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON reservations
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose()`;

describe('the ledger in PostgreSQL', () => {
  it('keeps what products under a key were created as, and what requests made of them: the api tells it again', async () => {
    const { database, process } = await openTables();
    const ledger = process();
    await ledger.claim('products', [0], new Map());
    const where = { topic: 'products', partition: 0 };
    const keyed = productEvent('ProductCreated', 'lamp', { data: { command_hash: 'c1', stock: 5 } });
    const request = productEvent('StockAdjustmentRequested', 'lamp', { data: { delta: 2, command_hash: 'c2' } });
    const taken = await ledger.takeProductEvents(where, [keyed, productCreated('desk', 1), request], { offset: 3, note: null });
    expect(taken.answers.map(({ requestId }) => requestId)).toEqual([request.id]);
    expect((await ledger.undeliveredAnswers(0)).map(({ requestId }) => requestId)).toEqual([request.id]);

    const { rows } = await database.query<{ schema: string }>('SELECT current_schema() AS schema');
    const store = createProductStore(database, { schema: rows[0]!.schema, topic: 'products' });
    const { id, name, version, time, data } = keyed;
    expect(await store.verdict(id)).toEqual({
      productId: 'lamp',
      commandHash: 'c1',
      answer: { id, name, version, time, data, correlation_id: null },
    });
    expect(await store.verdict(request.id)).toMatchObject({
      commandHash: 'c2',
      answer: { name: 'StockAdjusted', version: 2, data: { delta: 2, result: { put_in: 7, reserved: 0, sold: 0 } } },
    });
  });

  it('has two processes share hot products without a deadlock, whatever order their lines have, and promises no unit twice (R15)', async () => {
    const { database, process } = await withProducts(500);
    const deadlocks = async () =>
      (await database.query<{ deadlocks: number }>('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()')).rows[0]!
        .deadlocks;
    const before = await deadlocks();
    const buyer = async (partition: number, ids: readonly string[]): Promise<number> => {
      const ledger = process();
      await ledger.claim('orders', [partition], new Map());
      let reserved = 0;
      for (let round = 0; round < 40; round += 1) {
        const steps = Array.from({ length: 20 }, (_, i) => decide(partition, `o-${partition}-${round}-${i}`, ids));
        reserved += (await ledger.moveStock('orders', steps)).filter((decision) => decision === 'reserved').length;
      }
      return reserved;
    };
    const reserved = await Promise.all([buyer(0, PRODUCTS), buyer(1, PRODUCTS.toReversed())]);
    expect(reserved[0]! + reserved[1]!).toBe(500);
    for (const id of PRODUCTS) expect(await countsOf(database, id)).toEqual({ put_in: 500, reserved: 500, sold: 0 });
    expect(await deadlocks()).toBe(before);
  });

  it('goes on after a connection that ended in the middle, whether or not the transaction was committed', async () => {
    const { database, process } = await withProducts(10);
    const ledger = process();
    await ledger.claim('orders', [0], new Map());
    const blocker = await database.connect();
    await blocker.query('BEGIN');
    await blocker.query("SELECT FROM products WHERE product_id = 'p0' FOR UPDATE");
    const { rows } = await blocker.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const lost = ledger.moveStock('orders', [decide(0, 'a', ['p0'])]).catch((error: Error) => error);
    const terminate = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))';
    await eventually(async () => (await database.query(terminate, [rows[0]!.pid])).rowCount! > 0, {
      what: 'the ledger to wait for the lock',
    });
    expect(await lost).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await blocker.query('ROLLBACK');
    blocker.release();
    expect(await ledger.moveStock('orders', [decide(0, 'a', ['p0'])])).toEqual(['reserved']);

    // The answer to a COMMIT is lost: the row is one step ahead of what the process knows.
    const owner = process();
    await owner.claim('orders', [0], new Map());
    await database.query(LOSE_AT_COMMIT);
    expect(await owner.moveStock('orders', [decide(0, 'b', ['p0'])]).catch((error: Error) => error)).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
    await database.query("DROP TRIGGER lose ON reservations; UPDATE partitions SET sequence = sequence + 1 WHERE topic = 'orders'");
    expect(await owner.moveStock('orders', [decide(0, 'b', ['p0'])])).toEqual(['reserved']);
    expect(await countsOf(database, 'p0')).toEqual({ put_in: 10, reserved: 2, sold: 0 });
  });

  it('notices a database that went back while it was in use (R17)', async () => {
    const { database, process } = await withProducts(10);
    const ledger = process();
    await ledger.claim('orders', [0], new Map());
    await ledger.moveStock('orders', [decide(0, 'a', ['p0'])]);
    await database.query("UPDATE partitions SET sequence = sequence - 1 WHERE topic = 'orders'");
    await expect(ledger.moveStock('orders', [decide(0, 'b', ['p0'])])).rejects.toMatchObject({
      code: 'LEDGER_WENT_BACK',
      retryable: false,
    });
  });
});
