import { readdirSync } from 'node:fs';
// The read model in PostgreSQL: the contract, and what only a real database can get wrong.

import { afterAll, describe, expect, it } from 'vitest';
import { project } from '../../../projector/project.ts';
import { createPostgresStore } from '../../../projector/store/postgres-store.ts';
import { openDatabase } from '../../../shared/postgres/database.ts';
import { migrate } from '../../../shared/postgres/migrate.ts';
import { decodedOf, recordsOf } from '../../support/builders/log-records.ts';
import { created, fact } from '../../support/builders/order-events.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { closeAll, newReadModel, openSchema, readTables, SCHEMA_DIRECTORY } from './read-model.ts';
import { storeContract } from './store-contract.ts';

afterAll(closeAll);

storeContract('in PostgreSQL', async () => {
  const database = await newReadModel();
  return { store: createPostgresStore(database, 'orders'), tables: () => readTables(database) };
});

describe('the read model in PostgreSQL', () => {
  it('lets one of two projectors through, and the other one find out, when both wait for the same checkpoint', async () => {
    const database = await newReadModel();
    const [one, other] = [createPostgresStore(database, 'orders'), createPostgresStore(openSchema(database.schema), 'orders')];
    await one.createCheckpoints('id', [0, 1]);
    const batch = (partition: number) => project(decodedOf(recordsOf([created(`a${partition}`)], partition)), () => null);
    const both = () => project(decodedOf([...recordsOf([created('b0')], 0), ...recordsOf([created('b1')], 1)]), () => null);

    // A third session holds partition 0, so that both are on their way when it lets go.
    const blocker = await database.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT FROM checkpoints WHERE partition = 0 FOR UPDATE');
    const waiting = [one.commit(batch(0)), other.commit(both())];
    const settled = Promise.allSettled(waiting);
    await blocker.query('COMMIT');
    blocker.release();
    const results = await settled;
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'CHECKPOINT_MOVED' } });
    const { orders, archive } = await readTables(database);
    expect(archive).toHaveLength(orders.length);
    expect(new Set(orders.map(({ order }) => order.orderId[0])).size).toBe(1); // a alone, or both of b
  });

  it('says so, instead of going on, when somebody else has deleted a row', async () => {
    const database = await newReadModel();
    const store = createPostgresStore(database, 'orders');
    await store.createCheckpoints('id', [0]);
    const first = project(decodedOf(recordsOf([created('a')])), () => null);
    await store.commit(first);
    await database.query('DELETE FROM orders');
    const next = project(decodedOf(recordsOf([fact('OrderProcessing', 'a', 2, 'pending')], 0, 1)), () => first.changes[0]!.after);
    await expect(store.commit(next)).rejects.toThrow('somebody else');
    expect((await store.checkpoints()).get(0)?.nextOffset).toBe(1);
  });

  it('reports a database that is away as something that passes', async () => {
    const nowhere = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/nothing', schema: 'any', applicationName: 'tests' });
    const store = createPostgresStore(nowhere, 'orders');
    await expect(store.checkpoints()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', retryable: true });
    await nowhere.end();
  });

  it('reports a backend that was terminated as something that passes, and works again afterwards', async () => {
    const database = await newReadModel();
    const store = createPostgresStore(database, 'orders');
    await store.createCheckpoints('id', [0]);
    const blocker = await database.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT FROM checkpoints FOR UPDATE');
    const { rows } = await blocker.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const batch = project(decodedOf(recordsOf([created('a')])), () => null);
    const committing = store.commit(batch).then(
      () => null,
      (error) => error,
    );
    const terminate = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))';
    await eventually(async () => (await database.query(terminate, [rows[0]!.pid])).rowCount! > 0, {
      what: 'the commit to wait for the lock',
    });
    expect(await committing).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await blocker.query('ROLLBACK');
    blocker.release();
    await store.commit(batch);
    expect((await readTables(database)).orders).toHaveLength(1);
  });

  it('is migrated by any number of processes at once, exactly once', async () => {
    const schema = uniqueName('rm');
    const ran = await Promise.all(Array.from({ length: 4 }, () => migrate(openSchema(schema), SCHEMA_DIRECTORY)));
    const numbered = readdirSync(SCHEMA_DIRECTORY)
      .map((file) => file.replace('.sql', ''))
      .sort();
    expect(ran.flat()).toEqual(numbered);
    expect(await migrate(openSchema(schema), SCHEMA_DIRECTORY)).toEqual([]);
  });
});
