// The operator's rebuild and verify, on a real log and a real database, with the live projector running.

import { afterEach, describe, expect, inject, it } from 'vitest';
import { type RebuildProgress, rebuild } from '../../../projector/rebuild/rebuild.ts';
import { type VerifyResult, verify } from '../../../projector/verify/verify.ts';
import { encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { created } from '../../support/builders/order-events.ts';
import { histories } from './histories.ts';
import { newProjection, type Projection } from './projection.ts';
import { closeAll, readTables } from './read-model.ts';

let projection: Projection;
afterEach(async () => {
  await projection.stop();
  await closeAll();
});

const toolOptions = ({ client, topic, database }: Projection) => ({
  client,
  topic,
  databaseUrl: inject('stack').database,
  schema: database.schema,
});

/** A read model of a mixed log, and its projector. */
const projected = async (orders: number, seed: number) => {
  projection = await newProjection();
  const projector = await projection.start();
  await projection.append(histories(orders, seed));
  await projection.appendRaw([{ topic: projection.topic, key: 'undecodable', value: 'not ours', headers: {} }]);
  await projection.caughtUp();
  return { ...projection, projector };
};

const schemasLike = async (name: string): Promise<string[]> => {
  const { rows } = await projection.database.query<{ nspname: string }>('SELECT nspname FROM pg_namespace WHERE nspname LIKE $1', [
    `${name}%`,
  ]);
  return rows.map(({ nspname }) => nspname);
};

const definitions = async (): Promise<unknown[]> => {
  const { rows } = await projection.database.query(
    `SELECT tablename, indexname, replace(indexdef, schemaname, '') AS indexdef FROM pg_indexes WHERE schemaname = $1 ORDER BY 1, 2`,
    [projection.database.schema],
  );
  return rows;
};

describe('rebuild', () => {
  it('makes every table as the live projector made it, with all its indexes', async () => {
    const { database } = await projected(200, 11);
    const [tables, indexes] = [await readTables(database), await definitions()];
    await database.query("UPDATE orders SET status = 'rejected', total_minor = 1; UPDATE counters SET completed = 7; DELETE FROM events");
    const { events } = await rebuild(toolOptions(projection));
    expect(await readTables(database)).toEqual(tables);
    expect(await definitions()).toEqual(indexes);
    expect(events).toBe(tables.archive.length);
    expect(await schemasLike(database.schema)).toEqual([database.schema]);
  });

  it('lets the live projector go on meanwhile and afterwards, and readers never see it go back', async () => {
    const { database, append, caughtUp, projector } = await projected(100, 12);
    let stopped = false;
    let most = 0;
    const watching = (async () => {
      while (!stopped) {
        const { rows } = await database.query<{ sum: number }>('SELECT sum(next_offset)::int8 AS sum FROM checkpoints');
        expect(rows[0]!.sum).toBeGreaterThanOrEqual(most);
        most = rows[0]!.sum;
      }
    })();
    const events = histories(400, 13);
    const appending = (async () => {
      for (let from = 0; from < events.length && !stopped; from += 20) await append(events.slice(from, from + 20));
    })();
    await rebuild(toolOptions(projection));
    await rebuild(toolOptions(projection));
    await appending;
    await append(histories(20, 14));
    await caughtUp();
    stopped = true;
    await watching;
    expect(await verify(toolOptions(projection))).toMatchObject({ drift: 0, differences: [] });
    expect(projector.fatal).toEqual([]);
  });

  it('clears away what a rebuild that was killed left behind', async () => {
    const { database } = await projected(10, 15);
    await database.query(`CREATE SCHEMA ${database.schema}_rebuild; CREATE TABLE ${database.schema}_rebuild.orders (nonsense int)`);
    await database.query(`CREATE SCHEMA ${database.schema}_replaced; CREATE TABLE ${database.schema}_replaced.orders (nonsense int)`);
    await rebuild(toolOptions(projection));
    expect(await schemasLike(database.schema)).toEqual([database.schema]);
  });

  it('does not run twice at once, nor while a verify compares', async () => {
    await projected(30, 16);
    const two = [rebuild, rebuild];
    const all = await whileHeld('SELECT FROM orders', async () => {
      // The one that has the lock cannot swap before that reader is done: the other one meets it.
      const running = two.map((each) => each(toolOptions(projection)));
      const ended = Promise.allSettled(running);
      await Promise.race(running).catch(() => undefined);
      return { ended };
    });
    const outcomes = await all.ended;
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'MAINTENANCE_RUNNING' } });
    const { verifying } = await whileHeld('LOCK TABLE verification', async () => {
      const comparing = Promise.withResolvers<void>();
      const verifying = verify({ ...toolOptions(projection), onProgress: () => comparing.resolve() }); // which cannot note its result
      await Promise.race([comparing.promise, verifying]);
      await expect(rebuild(toolOptions(projection))).rejects.toMatchObject({ code: 'MAINTENANCE_RUNNING' });
      return { verifying };
    });
    expect(await verifying).toMatchObject({ drift: 0 });
  });

  /** Does `work` while a transaction is open that has done this. */
  const whileHeld = async <T>(statement: string, work: () => Promise<T>): Promise<T> => {
    const holder = await projection.database.connect();
    try {
      await holder.query(`BEGIN; ${statement}`);
      return await work();
    } finally {
      await holder.query('COMMIT');
      holder.release();
    }
  };

  it('leaves the live read model as it is when it fails', async () => {
    const { database, appendRaw, topic } = await projected(20, 17);
    const record = encodeOrderEvent(created('future'), topic);
    await appendRaw([{ ...record, headers: { ...record.headers, ce_type: 'orders.OrderTeleported.v1' } }]);
    const before = await readTables(database);
    await expect(rebuild(toolOptions(projection))).rejects.toMatchObject({ code: 'UNKNOWN_EVENT_TYPE' });
    expect(await readTables(database)).toEqual(before);
    expect(await schemasLike(database.schema)).toEqual([database.schema]);
  });

  it('replaces the read model of another log', async () => {
    const { database, projector } = await projected(20, 19);
    await projector.stop();
    await database.query("UPDATE checkpoints SET topic_id = 'another', next_offset = next_offset + 1000");
    await rebuild(toolOptions(projection));
    expect(await verify(toolOptions(projection))).toMatchObject({ drift: 0 });
  });

  it('tells how far it is', async () => {
    await projected(50, 18);
    const seen: RebuildProgress[] = [];
    const { events } = await rebuild({ ...toolOptions(projection), onProgress: (progress) => seen.push(progress) });
    expect(new Set(seen.map(({ phase }) => phase))).toEqual(new Set(['events', 'indexes', 'swap']));
    expect(seen.at(-1)).toMatchObject({ done: events, total: events });
  });
});

describe('verify', () => {
  it('finds nothing in what the projector wrote, while it goes on writing', async () => {
    const { append, database } = await projected(150, 21);
    const events = histories(200, 22);
    let running = true;
    const appending = (async () => {
      for (let from = 0; from < events.length && running; from += 10) await append(events.slice(from, from + 10));
    })();
    const result = await verify(toolOptions(projection));
    running = false;
    await appending;
    expect(result).toMatchObject({ drift: 0, differences: [] });
    expect(result.events).toBeGreaterThan(400);
    expect((await database.query('SELECT drift_orders FROM verification')).rows).toEqual([{ drift_orders: 0 }]);
  });

  const ANY_ORDER = "(SELECT order_id FROM orders WHERE status = 'completed' ORDER BY order_id LIMIT 1)";
  const ANY_EVENT = 'partition = 1 AND log_offset = 5';
  /** In the order of the table. */
  const COLUMNS: Record<string, string> = {
    user_id: "'somebody'",
    status: "'rejected'",
    version: 'version + 1',
    items: "jsonb_set(items, '{0,quantity}', '9')",
    total_minor: 'total_minor + 1',
    currency: "'EUR'",
    created_at: "created_at + interval '1 ms'",
    processing_started_at: 'NULL',
    completed_at: "completed_at + interval '1 ms'",
    cancelled_at: 'now()',
    rejected_at: 'now()',
    updated_at: "updated_at - interval '1 ms'",
    reason: "'because'",
    parked: `'{"since": 1, "code": "x", "attempts": 1}'`,
    batch_id: "'other'",
    id_origin: "'batch'",
    created_event_id: "'other'",
    command_hash: "'other'",
    answered_requests: "answered_requests || 'other'::text",
    partition: '(partition + 1) % 3',
    created_offset: 'created_offset + 1',
    last_offset: 'last_offset - 1',
    accepted: `'{"at": 1, "reference": "job-7"}'`,
  };
  const PLANTED: [string, string, Partial<VerifyResult['differences'][number]>][] = [
    ...Object.entries(COLUMNS).map(([name, value]): (typeof PLANTED)[number] => [
      `the column ${name} of an order`,
      `UPDATE orders SET ${name} = ${value} WHERE order_id = ${ANY_ORDER}`,
      { what: 'order' },
    ]),
    ['an order that is missing', `DELETE FROM orders WHERE order_id = ${ANY_ORDER}`, { what: 'order', field: 'row', actual: null }],
    [
      'an order that should not be there',
      `INSERT INTO orders SELECT 'extra', ${Object.keys(COLUMNS).join(', ')} FROM orders WHERE order_id = ${ANY_ORDER}`,
      { what: 'order', id: 'extra', field: 'row', expected: null },
    ],
    [
      'an order in a partition that does not exist',
      `INSERT INTO orders SELECT 'extra', ${Object.keys(COLUMNS)
        .join(', ')
        .replace(/\bpartition\b/, '99')} FROM orders WHERE order_id = ${ANY_ORDER}`,
      { what: 'order', id: 'extra', field: 'row' },
    ],
    ['a product that is missing', `DELETE FROM order_products WHERE order_id = ${ANY_ORDER}`, { what: 'order_products', actual: null }],
    [
      'a product too many',
      `INSERT INTO order_products VALUES ('p-x', now(), ${ANY_ORDER})`,
      { what: 'order_products', field: 'p-x', expected: null },
    ],
    ['a product of no order', `INSERT INTO order_products VALUES ('p-x', now(), 'nobody')`, { what: 'order_products', id: 'nobody' }],
    [
      'a product at the wrong time',
      `UPDATE order_products SET created_at = created_at + interval '1 ms' WHERE order_id = ${ANY_ORDER}`,
      { what: 'order_products' },
    ],
    ...[
      'pending',
      'processing',
      'completed',
      'cancelled',
      'rejected',
      'parked',
      'revenue_minor',
      'processing_ms',
      'total_ms',
      'completed_processing',
    ].map((name): (typeof PLANTED)[number] => [
      `the counter ${name}`,
      `UPDATE counters SET ${name} = ${name} + 1 WHERE partition = 1`,
      { what: 'counters', id: '1', field: name },
    ]),
    ['counters of no partition', 'INSERT INTO counters (partition) VALUES (99)', { what: 'counters', id: '99' }],
    [
      'a bucket of the histogram',
      'UPDATE processing_time_histogram SET count = count + 1 WHERE partition = 1 AND bucket = (SELECT min(bucket) FROM processing_time_histogram WHERE partition = 1)',
      { what: 'histogram', id: '1' },
    ],
    [
      'a bucket too many',
      'INSERT INTO processing_time_histogram VALUES (1, 9999, 1)',
      { what: 'histogram', field: 'bucket 9999', expected: 0 },
    ],
    ...['key', 'headers', 'value'].map((name): (typeof PLANTED)[number] => [
      `one bit of an archived ${name}`,
      `UPDATE events SET ${name} = set_bit(${name}, 3, 1 - get_bit(${name}, 3)) WHERE ${ANY_EVENT}`,
      { what: 'archive', id: '1@5', field: name },
    ]),
    [
      'an archived verdict',
      `UPDATE events SET effect = CASE effect WHEN 'void' THEN 'applied' ELSE 'void' END WHERE ${ANY_EVENT}`,
      { what: 'archive', id: '1@5', field: 'effect' },
    ],
    ['an archived type', `UPDATE events SET type = 'other' WHERE ${ANY_EVENT}`, { what: 'archive', id: '1@5', field: 'type' }],
    ['an archived order id', `UPDATE events SET order_id = 'other' WHERE ${ANY_EVENT}`, { what: 'archive', id: '1@5', field: 'order_id' }],
    ['an archived time', `UPDATE events SET recorded_at = now() WHERE ${ANY_EVENT}`, { what: 'archive', id: '1@5', field: 'recorded_at' }],
    [
      'a record that is missing in the archive',
      `DELETE FROM events WHERE ${ANY_EVENT}`,
      { what: 'archive', id: '1@5', field: 'row', actual: null },
    ],
    ['the first record missing', 'DELETE FROM events WHERE partition = 1 AND log_offset = 0', { what: 'archive', id: '1@0', actual: null }],
    [
      'the last record missing',
      'DELETE FROM events WHERE partition = 1 AND log_offset = (SELECT max(log_offset) FROM events WHERE partition = 1)',
      { what: 'archive', actual: null },
    ],
    [
      'a record that is in the archive twice',
      `INSERT INTO events SELECT * FROM events WHERE ${ANY_EVENT}`,
      { what: 'archive', id: '1@5', field: 'row', expected: null },
    ],
    [
      'a record that the log does not have',
      `INSERT INTO events SELECT partition, 1000000, order_id, type, effect, recorded_at, key, headers, value FROM events WHERE ${ANY_EVENT}`,
      { what: 'archive', id: '1@1000000', field: 'row', expected: null },
    ],
    [
      'a record of no partition',
      `INSERT INTO events SELECT 99, log_offset, order_id, type, effect, recorded_at, key, headers, value FROM events WHERE ${ANY_EVENT}`,
      { what: 'archive', id: '99@5' },
    ],
    [
      "the checkpoint's event",
      "UPDATE checkpoints SET last_event_id = 'other' WHERE partition = 1",
      { what: 'checkpoint', id: '1', field: 'last_event_id' },
    ],
    [
      "the checkpoint's topic",
      "UPDATE checkpoints SET topic_id = 'other' WHERE partition = 1",
      { what: 'checkpoint', id: '1', field: 'topic_id' },
    ],
  ];

  it('finds every kind of planted difference, and only that', async () => {
    const { projector } = await projected(60, 23);
    await projector.stop(); // it would refuse to go on with some of them
    for (const [name, tamper, expected] of PLANTED) {
      const result = await tampered(tamper);
      expect(result.differences, name).toContainEqual(expect.objectContaining(expected));
      expect(result.drift, name).toBeGreaterThan(0);
      expect(result.drift, name).toBeLessThanOrEqual(4);
    }
    expect(await verify(toolOptions(projection))).toMatchObject({ drift: 0 });
  });

  /** Verifies with a change in place, and puts the tables back as they were. */
  const tampered = async (tamper: string): Promise<VerifyResult> => {
    const { database } = projection;
    const tables = ['checkpoints', 'orders', 'order_products', 'events', 'counters', 'processing_time_histogram'];
    for (const table of tables) await database.query(`CREATE TABLE kept_${table} AS TABLE ${table}`);
    const { rowCount } = await database.query(tamper);
    expect(rowCount, tamper).toBeGreaterThan(0);
    const result = await verify(toolOptions(projection));
    for (const table of tables) {
      await database.query(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM kept_${table}; DROP TABLE kept_${table}`);
    }
    return result;
  };

  it('notes the result where the metrics are read from', async () => {
    const { database, projector } = await projected(10, 24);
    await projector.stop();
    await database.query('UPDATE orders SET total_minor = total_minor + 1');
    const { drift, orders } = await verify(toolOptions(projection));
    expect(drift).toBe(orders);
    expect((await database.query('SELECT drift_orders FROM verification')).rows).toEqual([{ drift_orders: drift }]);
    await rebuild(toolOptions(projection));
    expect(await verify(toolOptions(projection))).toMatchObject({ drift: 0 });
  });
});
