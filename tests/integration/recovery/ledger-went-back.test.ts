// R17 on real parts: the ledger's database loses commits, as after the promotion of a standby that lagged, or the restore of a backup.
// The processors notice, make the ledger again from the log without a person, and promise no unit twice.

import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { processorGroup } from '../../../processor/consumer-group.ts';
import { verifyLedger } from '../../../processor/ledger/verify/verify.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { patience } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import { clientUnderTest } from '../log/log-under-test.ts';

const TABLES = ['partitions', 'products', 'product_requests', 'reservations', 'carried_orders'];
const REPAIRED_WITHIN_MS = patience(60_000);
const STOCK = 10;

let fleet: Fleet;
let client: LogClient;
let database: Database;
beforeAll(async () => {
  const stack = inject('stack');
  const env = { ORDERS_PARTITIONS: '3', PRODUCTS_PARTITIONS: '1', PROCESSING_TIME_MS: '100' };
  fleet = await startFleet({ ...stack, count: { processor: 2 }, env });
  client = clientUnderTest();
  database = openDatabase({ url: stack.database, schema: fleet.where.ledgerSchema, applicationName: 'tests' });
});
afterAll(async () => {
  await database?.end();
  await fleet?.stop();
});

const post = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${fleet.urls()[0]}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(response.status).toBe(201);
  return (await response.json()) as Record<string, unknown>;
};
const newProduct = async (): Promise<string> => {
  const id = uniqueName('lamp');
  await post('/products', { product_id: id, name: id, price: 1, stock: STOCK });
  return id;
};
const order = async (productId: string): Promise<string> =>
  (await post('/orders', { user_id: 1, items: [{ product_id: productId, quantity: 1 }] })).order_id as string;
const ended = (id: string): Promise<string> =>
  eventually(
    async () => {
      const { status } = (await (await fetch(`${fleet.urls()[0]}/orders/${id}`)).json()) as { status: string };
      return status === 'completed' || status === 'rejected' ? status : undefined;
    },
    { what: `the order ${id} to end`, timeoutMs: REPAIRED_WITHIN_MS },
  );
const orderAndEnd = async (productId: string, count: number): Promise<string[]> =>
  Promise.all((await Promise.all(Array.from({ length: count }, () => order(productId)))).map(ended));

/** Takes a backup, and returns what puts it back. */
const backup = async (): Promise<() => Promise<void>> => {
  const older = uniqueName('backup');
  await database.query(`CREATE SCHEMA ${older}`);
  await database.transaction(async (snapshot) => {
    for (const table of TABLES) await snapshot.query(`CREATE TABLE ${older}.${table} AS TABLE ${table}`);
  });
  return () =>
    database.transaction(async (restore) => {
      for (const table of TABLES) {
        await restore.query(`DELETE FROM ${table}`);
        await restore.query(`INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM ${older}.${table}`);
      }
      await restore.query(`DROP SCHEMA ${older} CASCADE`);
    });
};
/** The last unit is sold in the log; the ledger hears of it a moment later. */
const isAsTheLogSays = async (productId: string): Promise<void> => {
  await eventually(async () => (await counts(productId))?.sold === STOCK, { what: 'the ledger to have read the last sale' });
  expect(await counts(productId)).toEqual({ reserved: 0, sold: STOCK });
  const { ordersTopic: orders, productsTopic: products, ledgerSchema: schema } = fleet.where;
  const { drift, differences } = await verifyLedger({
    client,
    topics: { orders, products },
    databaseUrl: inject('stack').database,
    schema,
  });
  expect({ drift, differences }).toEqual({ drift: 0, differences: [] });
};
const counts = async (productId: string) =>
  (await database.query('SELECT reserved, sold FROM products WHERE product_id = $1', [productId])).rows[0];

it('is noticed by processors that run, which make it again and go on by themselves', async () => {
  const lamp = await newProduct();
  expect(await orderAndEnd(lamp, 2)).toEqual(['completed', 'completed']);
  const putBack = await backup();
  expect(await orderAndEnd(lamp, 4)).toEqual(Array(4).fill('completed'));
  await putBack();
  const outcomes = await orderAndEnd(lamp, 6);
  expect(outcomes.filter((status) => status === 'completed')).toHaveLength(STOCK - 6);
  await isAsTheLogSays(lamp);
  const said = fleet.members('processor').map(({ output }) => output());
  expect(said.join('\n')).toContain('the ledger was made again from the log');
});

it('is noticed by processors that start, by what Kafka has noted', async () => {
  const lamp = await newProduct();
  const putBack = await backup();
  expect(await orderAndEnd(lamp, 6)).toEqual(Array(6).fill('completed'));
  const processors = fleet.members('processor');
  await Promise.all(processors.map((processor) => fleet.remove(processor)));
  await putBack();
  const outcomes = Promise.all(await Promise.all(Array.from({ length: 6 }, () => order(lamp))).then((ids) => ids.map(ended)));
  await Promise.all(processors.map(() => fleet.add('processor')));
  expect((await outcomes).filter((status) => status === 'completed')).toHaveLength(STOCK - 6);
  await isAsTheLogSays(lamp);
});

it('is noticed by what the log says, where what Kafka had noted has expired', async () => {
  const lamp = await newProduct();
  await orderAndEnd(lamp, 1); // the product and the owners of all partitions are in the backup
  const putBack = await backup();
  expect(await orderAndEnd(lamp, 6)).toEqual(Array(6).fill('completed'));
  const processors = fleet.members('processor');
  await Promise.all(processors.map((processor) => fleet.remove(processor)));
  const groups = [fleet.where.ordersTopic, fleet.where.productsTopic].map(processorGroup);
  await eventually(() => client.withAdmin((admin) => admin.deleteGroups(groups)), { what: 'the groups to be empty and deleted' });
  await putBack();
  await Promise.all(processors.map(() => fleet.add('processor')));
  expect((await orderAndEnd(lamp, 6)).filter((status) => status === 'completed')).toHaveLength(STOCK - 7);
  await isAsTheLogSays(lamp);
});
