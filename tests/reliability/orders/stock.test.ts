// Goal: nothing is oversold, lost or doubled, at no moment, whatever is killed. Method: 1,000 buyers for 100 units of each of three
// products, several products per order, the processor killed in between; meanwhile the ledger is read in one statement again and
// again. Then both schemas are dropped, rebuilt from the log, and compared with what was there.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { eventually } from '../../support/eventually.ts';
import { startRole } from '../../support/stack/service/role-process.ts';
import { type Service, startService } from '../../support/stack/service/service.ts';

const BUYERS = 1_000;
const UNITS = 100;
const PRODUCTS = ['a', 'b', 'c'];
const OPEN = ['pending', 'processing'];

interface Stock {
  product_id: string;
  put_in: number;
  reserved: number;
  sold: number;
}
interface Product {
  stock: number;
  reserved: number;
  sold: number;
  available: number;
}

let service: Service;
let database: Database;
beforeAll(async () => {
  service = await startService({ PROCESSING_TIME_MS: '20' });
  database = openDatabase({ url: inject('stack').database, schema: service.env.LEDGER_SCHEMA!, applicationName: 'tests' });
});
afterAll(async () => {
  await database?.end();
  await service?.stop();
});

const send = async (method: string, path: string, body: unknown) => {
  const response = await fetch(`${service.roles.api.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const product = async (id: string): Promise<Product> => (await service.get(`/products/${id}`)).body as unknown as Product;
const metrics = async () => (await service.get('/orders/metrics')).body as Record<string, number>;
const allEnded = () =>
  eventually(
    async () => {
      const counted = await metrics();
      return OPEN.every((status) => counted[`${status}_orders`] === 0) ? counted : undefined;
    },
    { what: 'every order to end', timeoutMs: 90_000 },
  );
const orders = (verb: string) => {
  const { kafka, database: url } = inject('stack');
  const env = { PATH: process.env.PATH, ...service.env, KAFKA_BROKERS: kafka, DATABASE_URL: url };
  return promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../../ops/cli/main.ts'), verb], { env });
};

describe('1,000 buyers for 100 units', () => {
  it('sells exactly what there is, with the processor killed in between', async () => {
    for (const id of PRODUCTS) {
      const created = await send('POST', '/products', { product_id: id, name: id, price: 10, stock: UNITS - 20 });
      expect(created.status, JSON.stringify(created.body)).toBe(201);
      expect((await send('PUT', `/products/${id}/stock`, { delta: 20 })).body).toMatchObject({ stock: UNITS, available: UNITS });
    }

    const deadlocks = async () =>
      (await database.query<{ deadlocks: number }>('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()')).rows[0]!
        .deadlocks;
    const deadlocksBefore = await deadlocks();
    let watching = true;
    let observed = 0;
    const watch = (async () => {
      while (watching) {
        const { rows } = await database.query<Stock & Record<string, unknown>>('SELECT product_id, put_in, reserved, sold FROM products');
        for (const { put_in, reserved, sold } of rows) {
          expect(put_in).toBe(UNITS);
          expect(Math.min(reserved, sold, put_in - sold - reserved)).toBeGreaterThanOrEqual(0);
        }
        observed += rows.length;
      }
    })();

    // Each order takes one of every product: where one is gone, none of the others may be taken.
    const buy = async (n: number): Promise<string> =>
      eventually(
        async () => {
          const items = PRODUCTS.map((id) => ({ product_id: id })).slice(0, 1 + (n % PRODUCTS.length));
          const { status, body } = await service.post({ user_id: n, items }, { 'idempotency-key': `buyer-${n}` });
          return status === 201 ? (body.order_id as string) : undefined;
        },
        { what: `an answer for buyer ${n}`, timeoutMs: 60_000 },
      );
    const wave = (from: number, count: number) => Promise.all(Array.from({ length: count }, (_, n) => buy(from + n)));
    const first = wave(0, BUYERS / 4);
    await first;
    service.roles.processor.kill('SIGKILL');
    await service.roles.processor.exited;
    const rest = wave(BUYERS / 4, (3 * BUYERS) / 4);
    service.roles.processor = await service.start('processor');
    await orders('verify'); // while everything moves; a difference rejects
    await rest;
    const counted = await allEnded();
    watching = false;
    await watch;
    expect(await deadlocks()).toBe(deadlocksBefore);

    expect(observed).toBeGreaterThan(PRODUCTS.length);
    expect(counted.total_orders).toBe(BUYERS);
    expect(counted.completed_orders! + counted.rejected_orders!).toBe(BUYERS);
    // Every order takes at least one `a`; whoever got it completed.
    await eventually(async () => (await product('a')).sold === UNITS, { what: 'the last sale to be settled' });
    expect(await product('a')).toMatchObject({ stock: 0, reserved: 0, sold: UNITS, available: 0 });
    expect(counted.completed_orders).toBe(UNITS);
    const sold = await Promise.all(PRODUCTS.map(async (id) => (await product(id)).sold));
    expect(sold.reduce((sum, each) => sum + each, 0) * 10).toBe(counted.total_revenue);
  });

  it('gives back what a cancelled order had reserved, also after a crash', async () => {
    const startSlow = () => startRole('processor', { ...service.env, PROCESSING_TIME_MS: '600000' });
    await service.roles.processor.stop();
    service.roles.processor = await startSlow();
    await send('PUT', '/products/a/stock', { delta: 5 });
    const { body } = await service.post({ user_id: 1, items: [{ product_id: 'a', quantity: 5 }] });
    await eventually(async () => (await product('a')).reserved === 5, { what: 'the stock to be reserved' });
    expect(await product('a')).toMatchObject({ available: 0, stock: 5 });
    const processing = async () => (await service.get(`/orders/${body.order_id}`)).body.status === 'processing';
    await eventually(processing, { what: 'the order to be in processing' });

    service.roles.processor.kill('SIGKILL');
    await service.roles.processor.exited;
    service.roles.processor = await startSlow();
    expect((await service.post({}, {}, `/orders/${body.order_id}/cancel`)).status).toBe(200);
    await eventually(async () => (await product('a')).available === 5, { what: 'the stock to be given back' });
    expect(await product('a')).toMatchObject({ stock: 5, reserved: 0, sold: UNITS });
  });

  it('is found out when somebody changes it by hand, and is put right by a rebuild while everything runs', async () => {
    await database.query("UPDATE products SET sold = sold - 1 WHERE product_id = 'a'");
    await database.query(
      "UPDATE reservations SET lines = '[]' WHERE order_id = (SELECT min(order_id) FROM reservations WHERE lines <> '[]')",
    );
    const found = await orders('verify').then(
      () => null,
      (error: { code: number; stdout: string }) => error,
    );
    expect(found).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/product a: sold is 99, by the log 100|reservation \S+: lines is \[\]/),
    });
    const running = service.roles.processor;
    await orders('rebuild');
    // Fenced off under way, it ends, idle as it is within 15 s; the supervisor starts it again.
    expect(await running.exited).toEqual({ code: 1, signal: null });
    service.roles.processor = await service.start('processor');
    await orders('verify');
    expect(await product('a')).toMatchObject({ stock: 5, reserved: 0, sold: UNITS });
  });

  it('can be dropped with the read model and is rebuilt from the log, and verify agrees', async () => {
    const state = async () => ({
      products: await Promise.all(PRODUCTS.map(async (id) => (await service.get(`/products/${id}`)).body)),
      metrics: { ...(await metrics()), as_of: null },
    });
    const before = await state();
    for (const role of ['processor', 'projector', 'api'] as const) await service.roles[role].stop();
    await database.query(`DROP SCHEMA ${service.env.LEDGER_SCHEMA}, ${service.env.READ_MODEL_SCHEMA} CASCADE`);
    service.roles.projector = await service.start('projector');
    const starting = service.start('processor'); // waits, not ready, until the ledger is complete
    await orders('rebuild');
    service.roles.processor = await starting;
    service.roles.api = await service.start('api');
    expect(await state()).toEqual(before);
    await orders('verify'); // rejects at a difference
    expect((await send('PUT', '/products/b/stock', { delta: 1 })).status).toBe(200);
  });
});
