// The moment in which a rebuilt read model takes the place of the live one, as other sessions see it.

import { afterAll, expect, it } from 'vitest';
import { project } from '../../../projector/project.ts';
import { createPostgresStore } from '../../../projector/store/postgres-store.ts';
import { dropSchema, swapSchemas } from '../../../projector/store/replace-tables.ts';
import type { Database, Queryable } from '../../../shared/postgres/database.ts';
import { migrate } from '../../../shared/postgres/migrate.ts';
import { decodedOf, recordsOf } from '../../support/builders/log-records.ts';
import { created } from '../../support/builders/order-events.ts';
import { closeAll, newReadModel, openSchema, SCHEMA_DIRECTORY } from './read-model.ts';

afterAll(closeAll);

const newShadow = async (live: Database): Promise<Database> => {
  const shadow = openSchema(`${live.schema}_rebuild`);
  await dropSchema(shadow, shadow.schema);
  await migrate(shadow, SCHEMA_DIRECTORY);
  return shadow;
};
const mark = (database: Database, id: string) =>
  database.query('INSERT INTO checkpoints (topic, partition, next_offset, topic_id) VALUES ($1, 0, 0, $1)', [id]);

it('is seen by sessions with prepared statements at their next statement', async () => {
  const live = await newReadModel();
  await mark(live, 'old');
  const session = await live.connect();
  const prepared = async () => {
    const { rows } = await session.query<{ topic: string }>({ name: 'p', text: 'SELECT topic FROM checkpoints', values: [] });
    return rows[0]?.topic;
  };
  for (let i = 0; i < 10; i += 1) expect(await prepared()).toBe('old'); // often enough for a cached, generic plan
  const shadow = await newShadow(live);
  await mark(shadow, 'new');
  await swapSchemas(live, shadow.schema, { lastStep: async () => {}, keep: null });
  expect(await prepared()).toBe('new');
  session.release();
});

it('is never seen half by a statement that reads two tables', async () => {
  const live = await newReadModel();
  const ROUNDS = 15;
  const stamp = (database: Database, round: number) =>
    database.query(
      `INSERT INTO checkpoints VALUES ('t', 0, ${round}, 'id'); INSERT INTO counters (partition, pending) VALUES (0, ${round})`,
    );
  await stamp(live, 0);
  let stopped = false;
  const seen = new Set<number>();
  const reader = async (): Promise<void> => {
    while (!stopped) {
      const { rows } = await live.query<{ next_offset: number; pending: number }>('SELECT next_offset, pending FROM checkpoints, counters');
      expect(rows).toHaveLength(1);
      expect(rows[0]!.next_offset).toBe(rows[0]!.pending);
      seen.add(rows[0]!.pending);
    }
  };
  const readers = [reader(), reader(), reader()];
  // Until they have read before, between and after, however seldom they have their turn.
  for (let round = 1; round <= ROUNDS || seen.size <= 2; round += 1) {
    const shadow = await newShadow(live);
    await stamp(shadow, round);
    await swapSchemas(live, shadow.schema, { lastStep: async () => {}, keep: null });
  }
  stopped = true;
  await Promise.all(readers);
  expect(seen.size).toBeGreaterThan(2);
});

it('leaves a writer of the old tables either before the swap or fenced off', async () => {
  const live = await newReadModel();
  const store = createPostgresStore(live, 'orders');
  await store.createCheckpoints('id', [0]);
  const ids: string[] = [];
  let stopped = false;
  const writer = async (): Promise<string> => {
    for (let offset = 0; !stopped; offset += 1) {
      try {
        await store.commit(project(decodedOf(recordsOf([created(`o-${offset}`)], 0, offset)), () => null));
        ids.push(`o-${offset}`);
      } catch (error) {
        return (error as { code: string }).code;
      }
    }
    return 'never fenced';
  };
  const written = writer();
  const shadow = await newShadow(live);
  let copied = 0;
  await createPostgresStore(shadow, 'orders').createCheckpoints('id', [0]);
  const lastStep = async (locked: Queryable): Promise<void> => {
    copied = (await locked.query('SELECT FROM orders')).rowCount!;
    expect(copied).toBe(ids.length); // what was acknowledged before the lock is all there is
  };
  await swapSchemas(live, shadow.schema, { lastStep, keep: null });
  expect(await written).toBe('CHECKPOINT_MOVED');
  stopped = true;
  expect(ids.length).toBe(copied);
});

it('does not happen when the last step fails', async () => {
  const live = await newReadModel();
  const shadow = await newShadow(live);
  const lastStep = async (): Promise<void> => {
    throw new Error('the last step failed');
  };
  const failing = swapSchemas(live, shadow.schema, { lastStep, keep: null });
  await expect(failing).rejects.toThrow('the last step failed');
  expect((await live.query('SELECT FROM checkpoints')).rowCount).toBe(0);
  expect((await shadow.query('SELECT FROM checkpoints')).rowCount).toBe(0);
});
