// The projector between a real log and a real database.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { project } from '../../../projector/project.ts';
import type { Store } from '../../../projector/store/store.ts';
import { partitionOf } from '../../../shared/log/append/partitioner.ts';
import { encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { packHeaders } from '../../../shared/log/codec/raw-headers.ts';
import { decodedOf } from '../../support/builders/log-records.ts';
import { created, fact } from '../../support/builders/order-events.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { createInMemoryStore } from '../../support/in-memory/store.ts';
import { histories } from './histories.ts';
import { newProjection, PARTITIONS, type Projection } from './projection.ts';
import { closeAll, openSchema, readTables } from './read-model.ts';

let projection: Projection;
afterEach(async () => {
  await projection.stop();
  await closeAll();
});

/** What the read model must say about a log: one fold over all of it, in one go. */
const foldedInOneGo = async ({ client: _, topic, readAll }: Projection, topicId: string) => {
  const store = createInMemoryStore();
  const partitions = Array.from({ length: PARTITIONS }, (_, i) => i);
  await store.createCheckpoints(topicId, partitions);
  const records = await readAll(topic);
  for (const partition of partitions) {
    const some = records.filter((record) => record.partition === partition);
    if (some.length > 0) await store.commit(project(decodedOf(some), () => null));
  }
  return store.tables();
};

describe('the projector', () => {
  it('makes of a mixed log what one fold over it makes, with every byte in the archive', async () => {
    projection = await newProjection();
    const { append, appendRaw, start, caughtUp, database, topic, readAll } = projection;
    const events = histories(150, 1);
    await append(events.slice(0, 200)); // before it starts
    const projector = await start();
    await append(events.slice(200));
    await appendRaw([
      { topic, key: 'undecodable', value: 'not ours', headers: { odd: Buffer.from([0, 255]) } },
      { ...encodeOrderEvent(created('mine'), topic), key: 'other' },
    ]);
    await caughtUp();
    const tables = await readTables(database);
    expect(tables).toEqual(await foldedInOneGo(projection, tables.checkpoints[0]!.topicId));

    const { archive, orders } = tables;
    expect(new Set(archive.map(({ effect }) => effect))).toEqual(new Set(['applied', 'void', 'request', 'refusal', 'undecodable']));
    expect(new Set(orders.map(({ order }) => order.status)).size).toBe(5);
    const records = await readAll(topic);
    expect(archive.map(({ position, headers, value }) => [position, headers, value])).toEqual(
      records
        .map(({ partition, offset, headers, value }) => [
          `${partition}@${offset}`,
          packHeaders(headers).toString('base64'),
          value!.toString('base64'),
        ])
        .sort(([a], [b]) => (a! < b! ? -1 : 1)),
    );
    expect(projector.fatal).toEqual([]);
  });

  it('puts what it cannot decode into the dead-letter topic, as it was, with its origin and the reason', async () => {
    projection = await newProjection();
    const { appendRaw, start, caughtUp, topic, readAll } = projection;
    const [position] = await appendRaw([{ topic, key: 'undecodable', value: 'not ours', headers: { odd: Buffer.from([0, 255]) } }]);
    await start();
    await caughtUp();
    const letters = await readAll(`${topic}.dead-letter`);
    expect(letters).toHaveLength(1);
    const { key, value, headers } = letters[0]!;
    expect([String(key), String(value), headers.odd?.toString('hex')]).toEqual(['undecodable', 'not ours', '00ff']);
    expect([headers.dl_topic, headers.dl_partition, headers.dl_offset, headers.dl_reason].map(String)).toEqual([
      topic,
      String(position!.partition),
      String(position!.offset),
      'NOT_A_CLOUD_EVENT',
    ]);
  });

  it('shares the partitions with a second one, and takes them over when that one stops', async () => {
    projection = await newProjection();
    const { append, start, caughtUp, database } = projection;
    const events = histories(120, 2);
    const first = await start();
    await append(events.slice(0, 150));
    await caughtUp();
    const second = await start();
    await eventually(() => first.lag().size > 0 && first.lag().size < PARTITIONS && second.lag().size > 0, {
      what: 'the partitions to be shared',
    });
    await append(events.slice(150, 300));
    await caughtUp();
    await second.stop();
    await append(events.slice(300));
    await caughtUp();
    const tables = await readTables(database);
    expect(tables).toEqual(await foldedInOneGo(projection, tables.checkpoints[0]!.topicId));
    expect([...first.fatal, ...second.fatal]).toEqual([]);
  });

  it('counts every record once while a zombie writes too', async () => {
    projection = await newProjection();
    const { append, start, caughtUp, database } = projection;
    let fenced = 0;
    const noting = (store: Store): Store => ({
      ...store,
      commit: async (batch) => {
        try {
          await store.commit(batch);
        } catch (error) {
          if ((error as { code?: string }).code === 'CHECKPOINT_MOVED') fenced += 1;
          throw error;
        }
      },
    });
    // Another group: it holds all partitions at the same time, as one does that does not know yet that it lost them.
    const [owner, zombie] = [await start({ store: noting }), await start({ store: noting, groupId: uniqueName('zombie') })];
    const events = histories(300, 3);
    for (let from = 0; from < events.length; from += 40) await append(events.slice(from, from + 40));
    // One that is always behind the other, as on a slow machine, is never in its way: until they have met.
    for (let seed = 200; fenced === 0; seed += 1) await append(histories(40, seed));
    await caughtUp();
    const tables = await readTables(database);
    expect(tables).toEqual(await foldedInOneGo(projection, tables.checkpoints[0]!.topicId));
    const written = [owner, zombie].map(({ batches }) => batches.flatMap(({ archive }) => archive).length);
    expect(written[0]! + written[1]!).toBe(tables.archive.length);
    expect(fenced).toBeGreaterThan(0);
    expect([...owner.fatal, ...zombie.fatal]).toEqual([]);
  });

  it('goes on when the connection is cut in the middle of commits', async () => {
    projection = await newProjection();
    const { append, start, caughtUp, database } = projection;
    const name = uniqueName('cut');
    const cut = () => database.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [name]);
    let commits = 0;
    let failed = 0;
    const cutting = (store: Store): Store => ({
      ...store,
      commit: async (batch) => {
        commits += 1;
        const committing = store.commit(batch);
        committing.catch(() => {
          failed += 1;
        });
        // Some turns of the event loop later, another number each time, so that it hits another statement.
        const turns = (commits % 4) * 3;
        for (let turn = 0; turn < turns; turn += 1) await nextTurn();
        if (turns > 0) await cut();
        await committing;
      },
    });
    const projector = await start({ store: cutting, database: openSchema(database.schema, name) });
    for (let seed = 100; failed < 4; seed += 1) {
      await append(histories(10, seed));
      await caughtUp();
    }
    await caughtUp();
    const tables = await readTables(database);
    expect(tables).toEqual(await foldedInOneGo(projection, tables.checkpoints[0]!.topicId));
    expect(projector.fatal).toEqual([]);
  });

  it('follows checkpoints that went back, as after the restore of a backup', async () => {
    projection = await newProjection();
    const { append, start, caughtUp, database } = projection;
    const events = histories(40, 5);
    await start();
    await append(events.slice(0, 100));
    await caughtUp();
    const backup = uniqueName('backup');
    await database.query(`CREATE SCHEMA ${backup}`);
    const tables = ['checkpoints', 'orders', 'order_products', 'events', 'counters', 'processing_time_histogram'];
    for (const table of tables) await database.query(`CREATE TABLE ${backup}.${table} AS TABLE ${table}`);
    await append(events.slice(100));
    await caughtUp();
    await database.transaction(async (client) => {
      for (const table of tables) await client.query(`DELETE FROM ${table}`);
      for (const table of tables) await client.query(`INSERT INTO ${table} SELECT * FROM ${backup}.${table}`);
      await client.query(`DROP SCHEMA ${backup} CASCADE`);
    });
    await caughtUp();
    const restored = await readTables(database);
    expect(restored).toEqual(await foldedInOneGo(projection, restored.checkpoints[0]!.topicId));
  });

  it.each([
    ['another topic id', "UPDATE checkpoints SET topic_id = 'another'"],
    ['another event before it', "UPDATE checkpoints SET last_event_id = 'another'"],
    ['a log that is shorter', 'UPDATE checkpoints SET next_offset = next_offset + 100'],
  ])('refuses to start on a log that its checkpoint does not belong to: %s', async (_, tamper) => {
    projection = await newProjection();
    const { append, start, caughtUp, database } = projection;
    const projector = await start();
    await append(histories(30, 6));
    await caughtUp();
    await projector.stop();
    await database.query(tamper);
    const before = await readTables(database);
    const next = await start();
    await eventually(() => next.fatal.length > 0, { what: 'the projector to refuse' });
    expect(next.fatal[0]).toMatchObject({ code: 'LOG_MISMATCH' });
    expect(await readTables(database)).toEqual(before);
  });

  it('continues an order that was opened long ago, from its row', async () => {
    projection = await newProjection();
    const { append, start, caughtUp, database } = projection;
    const first = await start();
    await append([created('a')]);
    await caughtUp();
    await first.stop();
    await start();
    await append([fact('OrderProcessing', 'a', 2, 'pending'), fact('OrderCompleted', 'a', 3, 'processing')]);
    await caughtUp();
    expect((await readTables(database)).orders).toMatchObject([{ order: { status: 'completed', version: 3 } }]);
    expect(partitionOf('a', PARTITIONS)).toBe((await readTables(database)).orders[0]!.partition);
  });
});
