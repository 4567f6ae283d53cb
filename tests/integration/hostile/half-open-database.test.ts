// Goal: a connection to PostgreSQL that goes half-open in the middle of a transaction holds up no further one for long.
// Method: a proxy swallows a COMMIT of the processor, then of the projector, and everything after it, on all connections that the role has;
// new ones work. Stocked orders are submitted then. And what the server does by itself about a client that says nothing more, with limits
// that are shorter than ours.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openDatabase } from '../../../shared/postgres/database.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../../support/faults/network/fault-proxy.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';

// docs/limits.md: within 10 s of the fault, or a little later where a batch of the projector has as long. Three times as much for a machine that
// is as much slower; a ROLLBACK on the dead connection would take more than a minute.
const GOES_ON_WITHIN_MS = 30_000;

interface CommitSwallower {
  /** For the role behind it. */
  url: string;
  /** Swallows the next COMMIT; resolves when it has come. */
  swallow: () => Promise<unknown>;
  proxy: FaultProxy;
}

const startCommitSwallower = async (database: string): Promise<CommitSwallower> => {
  const url = new URL(database);
  let isDue = false;
  const proxy: FaultProxy = await startFaultProxy(`${url.hostname}:${url.port || 5432}`, (ends) => ({
    fromServer: ends.toClient,
    fromClient: (bytes) => {
      if (isDue && bytes.includes('COMMIT')) {
        isDue = false;
        proxy.vanish();
        proxy.heal(); // new connections are as they should be
      } else ends.toServer(bytes);
    },
  }));
  url.host = proxy.address;
  const swallow = () => {
    isDue = true;
    return eventually(() => !isDue, { what: 'a COMMIT to be swallowed' });
  };
  return { url: url.href, swallow, proxy };
};

let processors: CommitSwallower;
let projectors: CommitSwallower;
let fleet: Fleet;
beforeAll(async () => {
  const { kafka, database } = inject('stack');
  [processors, projectors] = await Promise.all([startCommitSwallower(database), startCommitSwallower(database)]);
  fleet = await startFleet({ kafka, database, count: { api: 0, projector: 0, processor: 0 }, env: { PROCESSING_TIME_MS: '0' } });
  await fleet.add('projector', { DATABASE_URL: projectors.url });
  await Promise.all([fleet.add('processor', { DATABASE_URL: processors.url }), fleet.add('api')]);
  const product = { product_id: 'stocked', name: 'stocked', price: 2, stock: 1_000 };
  expect((await send('POST', '/products', product)).status).toBe(201);
});
afterAll(async () => {
  await fleet?.stop();
  await Promise.all([processors?.proxy.stop(), projectors?.proxy.stop()]);
});

const send = async (method: string, path: string, body?: unknown) => {
  const init = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${fleet.urls()[0]}${path}`, { method, ...init });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const submit = async (): Promise<string> => {
  const { status, body } = await send('POST', '/orders', { user_id: 1, items: [{ product_id: 'stocked', quantity: 1 }] });
  expect(status).toBe(201);
  return String(body.order_id);
};
const isCompleted = async (orderId: string) => (await send('GET', `/orders/${orderId}`)).body.status === 'completed';

/** How long it takes from now on, within which it must not fail for other reasons. */
const measured = async (what: string, check: () => Promise<boolean>): Promise<number> => {
  const startedAt = performance.now();
  await eventually(check, { what, timeoutMs: 100_000 });
  const tookMs = performance.now() - startedAt;
  process.stdout.write(`half-open database | ${what} after ${(tookMs / 1_000).toFixed(1)} s\n`);
  return tookMs;
};

describe('a COMMIT that is never heard', () => {
  it('of the processor holds up the next stock decisions for seconds', async () => {
    const before = await submit();
    await eventually(() => isCompleted(before), { what: 'an order before the fault to be completed' });
    const swallowed = processors.swallow();
    const hit = await submit();
    await swallowed;
    const later = await submit();
    const tookMs = await measured('stock is decided', async () => (await isCompleted(hit)) && (await isCompleted(later)));
    expect(tookMs).toBeLessThan(GOES_ON_WITHIN_MS);
    // Nothing was decided twice or lost.
    await eventually(async () => (await send('GET', '/products/stocked')).body.sold === 3, { what: 'three units to be sold' });
    expect((await send('GET', '/products/stocked')).body).toMatchObject({ stock: 997, reserved: 0 });
  });

  it('of the projector holds up the lists for seconds', async () => {
    const swallowed = projectors.swallow();
    const hit = await submit();
    await swallowed;
    const later = await submit();
    const tookMs = await measured('a list has what came', async () => {
      const { body } = await send('GET', '/orders?status=completed');
      const listed = (body.orders as { order_id: string }[]).map(({ order_id: id }) => id);
      return [hit, later].every((orderId) => listed.includes(orderId));
    });
    expect(tookMs).toBeLessThan(GOES_ON_WITHIN_MS);
  });

  it('ends no role', () => {
    for (const member of fleet.members()) expect(member.starts(), member.name).toBe(1);
  });
});

describe('the server', () => {
  const open = (more: { schema: string; statementTimeoutMs?: number }) =>
    openDatabase({ url: inject('stack').database, applicationName: 'tests', maxConnections: 1, ...more });

  it('ends a statement that takes longer than it may, and the roles have four seconds', async () => {
    const hasty = open({ schema: 'public', statementTimeoutMs: 200 });
    await expect(hasty.query('SELECT pg_sleep(600)')).rejects.toMatchObject({ code: '57014' });
    const usual = open({ schema: 'public' });
    expect((await usual.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '4s' }]);
    expect((await usual.query('SHOW idle_in_transaction_session_timeout')).rows).toEqual([{ idle_in_transaction_session_timeout: '5s' }]);
    await Promise.all([hasty.end(), usual.end()]);
  });

  it('ends the transaction of a client that says nothing more, and with it the locks', async () => {
    const schema = uniqueName('locks');
    const others = open({ schema, statementTimeoutMs: 60_000 });
    await others.query(`CREATE SCHEMA ${schema}`);
    await others.query('CREATE TABLE stock (on_hand int)');
    await others.query('INSERT INTO stock VALUES (1)');
    const silent = open({ schema, statementTimeoutMs: 200 });
    let wake = (): void => undefined;
    const forgotten = silent.transaction(async (client) => {
      await client.query('UPDATE stock SET on_hand = 0');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    });
    forgotten.catch(() => {});
    await eventually(async () => (await others.query("SELECT 1 FROM pg_locks WHERE relation = 'stock'::regclass")).rowCount! > 0, {
      what: 'the row to be locked',
    });
    await others.query('UPDATE stock SET on_hand = on_hand + 5'); // waits for the lock; its own limit would end it
    expect((await others.query('SELECT on_hand FROM stock')).rows).toEqual([{ on_hand: 6 }]);
    wake();
    await expect(forgotten).rejects.toThrow();
    await others.query(`DROP SCHEMA ${schema} CASCADE`);
    await Promise.all([others.end(), silent.end()]);
  });
});
