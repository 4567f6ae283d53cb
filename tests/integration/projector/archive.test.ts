// The archive in tables of a range of offsets each.
// They are there before they are needed, nobody waits for them, every reader reads across them, and what is old can be dropped without
// anybody being told half a truth.

import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { createOrderEvents } from '../../../api/reads/order-history.ts';
import { createReadModel } from '../../../api/reads/read-model.ts';
import { runArchiveDrop, runArchiveList } from '../../../ops/cli/archive-command.ts';
import { project } from '../../../projector/project.ts';
import { rebuild } from '../../../projector/rebuild/rebuild.ts';
import { createArchiveTables } from '../../../projector/store/archive-tables.ts';
import { createPostgresStore } from '../../../projector/store/postgres-store.ts';
import { verify } from '../../../projector/verify/verify.ts';
import { unopenedBatch } from '../../../shared/log/protocol/unopened-batch.ts';
import type { Database } from '../../../shared/postgres/database.ts';
import { migrate } from '../../../shared/postgres/migrate.ts';
import { readArchiveTables } from '../../../shared/postgres/tables/archive-tables.ts';
import { type OrderRow, storedOrder } from '../../../shared/postgres/tables/order-rows.ts';
import { decodedOf, recordsOf } from '../../support/builders/log-records.ts';
import { created, fact, T0 } from '../../support/builders/order-events.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { histories } from './histories.ts';
import { newProjection, type Projection } from './projection.ts';
import { closeAll, newReadModel, openSchema, readTables, SCHEMA_DIRECTORY } from './read-model.ts';

const OFFSETS = 20; // of a table, so that a few hundred records fill many

afterAll(closeAll);

/** A read model whose archive has no table yet: the first commit makes those that it needs. */
const newArchive = async (): Promise<Database> => {
  const database = await newReadModel();
  await database.query('DROP TABLE events_from_0');
  return database;
};
const ranges = async (database: Database) => (await readArchiveTables(database)).map(({ from, to }) => [from, to]);
const storeOn = (database: Database) => createPostgresStore(database, 'orders', { archiveTableOffsets: OFFSETS });
const DAY_MS = 86_400_000;

/** Lives of three facts each, one after the other in partition 0, the first `open` of them not ended; a day lies between two lives. */
const lives = (count: number) =>
  Array.from({ length: count }, (_, n) => {
    const at = { time: T0 + n * DAY_MS };
    return [
      created(`o-${n}`, {}, at),
      fact('OrderProcessing', `o-${n}`, 2, 'pending', at),
      fact('OrderCompleted', `o-${n}`, 3, 'processing', at),
    ];
  }).flat();

describe('the tables of the archive', () => {
  it('are there before they are needed: one more than the records need', async () => {
    const database = await newArchive();
    const store = storeOn(database);
    await store.createCheckpoints('id', [0]);
    const events = lives(20);
    const expected: [number, number][] = [];
    for (let from = 0; from < events.length; from += 15) {
      await store.commit(project(decodedOf(recordsOf(events.slice(from, from + 15), 0, from)), () => null));
      while ((expected.at(-1)?.[1] ?? 0) <= from + 15 + OFFSETS)
        expected.push([expected.length * OFFSETS, (expected.length + 1) * OFFSETS]);
      expect(await ranges(database)).toEqual(expected);
    }
    expect((await readTables(database)).archive).toHaveLength(60);
  });

  it('hold a record by its place in the log, whatever its clock said', async () => {
    const database = await newArchive();
    const store = storeOn(database);
    await store.createCheckpoints('id', [0]);
    const times = [-1, 0, T0, Date.UTC(9999, 11, 31), Number.MAX_SAFE_INTEGER];
    const records = recordsOf(times.map((_, n) => created(`o-${n}`)));
    await store.commit(project(decodedOf(records.map((record, n) => ({ ...record, timestamp: times[n]! }))), () => null));
    const { rows } = await database.query<{ recorded_at: number }>('SELECT recorded_at FROM events_from_0 ORDER BY log_offset');
    expect(rows.map(({ recorded_at: at }) => at)).toEqual([0, 0, T0, Date.UTC(9999, 11, 31), Date.UTC(9999, 11, 31)]);
  });

  it('are made once by many projectors at the same time, and have every index of the archive', async () => {
    const database = await newArchive();
    await Promise.all(Array.from({ length: 6 }, () => createArchiveTables(openSchema(database.schema), OFFSETS).cover(5 * OFFSETS)));
    expect(await ranges(database)).toEqual(Array.from({ length: 7 }, (_, n) => [n * OFFSETS, (n + 1) * OFFSETS]));
    const { rows } = await database.query<{ tables: number; indexes: number }>(
      `SELECT count(DISTINCT t.inhrelid)::int8 AS tables, count(i.indexrelid)::int8 AS indexes
       FROM pg_inherits t JOIN pg_index i ON i.indrelid = t.inhrelid AND i.indisvalid JOIN pg_inherits parent ON parent.inhrelid = i.indexrelid
       WHERE t.inhparent = 'events'::regclass`,
    );
    expect(rows).toEqual([{ tables: 7, indexes: 14 }]);
  });

  it('are made while somebody reads all of the archive for long, without waiting for it', async () => {
    const database = await newArchive();
    const tables = createArchiveTables(openSchema(database.schema), OFFSETS);
    await tables.cover(0);
    const reader = await database.connect();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await reader.query('SELECT FROM events');
    await tables.cover(10 * OFFSETS); // the statement's limit of 30 s would end it otherwise
    await reader.query('SELECT FROM events');
    await reader.query('COMMIT');
    reader.release();
    expect(await ranges(database)).toHaveLength(12);
  });

  it('are looked up again where they are gone, because the read model was replaced', async () => {
    const database = await newArchive();
    const store = storeOn(database);
    await store.createCheckpoints('id', [0]);
    await store.commit(project(decodedOf(recordsOf([created('a')])), () => null));
    await database.query(`DROP TABLE events_from_0, events_from_${OFFSETS}`);
    const next = project(decodedOf(recordsOf([created('b')], 0, 1)), () => null);
    await expect(store.commit(next)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', retryable: true });
    await store.commit(next);
    expect((await readTables(database)).orders).toHaveLength(2);
    await expect(database.query("INSERT INTO events VALUES (0, 2, null, null, 'guess', now(), null, '', null)")).rejects.toThrow('effect');
  });

  it('begin with the table of an older version, with every row where it was', async () => {
    const older = mkdtempSync(join(tmpdir(), 'schema-'));
    const database = openSchema(uniqueName('rm'));
    try {
      for (const name of readdirSync(SCHEMA_DIRECTORY).filter((file) => file < '0003'))
        cpSync(join(SCHEMA_DIRECTORY, name), join(older, name));
      await migrate(database, older);
    } finally {
      rmSync(older, { recursive: true });
    }
    await database.query(`INSERT INTO checkpoints VALUES ('orders', 0, 2500000, 'id', null), ('orders', 1, 1999999, 'id', null);
      INSERT INTO events SELECT 0, n, 'o-' || n, 'type', 'applied', now(), '', '', '' FROM generate_series(2490000, 2499999) AS n`);
    const file = async () =>
      (await database.query<{ node: number }>('SELECT relfilenode AS node FROM pg_class WHERE oid = $1::regclass', [table])).rows[0];
    let table = 'events';
    const before = await file();
    expect(await migrate(database, SCHEMA_DIRECTORY)).toEqual(['0003_partitioned_archive', '0004_accepted_orders']);
    table = 'events_from_0';
    expect(await file()).toEqual(before); // no row was moved
    expect(await ranges(database)).toEqual([[0, 3_000_000]]);
    const { rows } = await database.query<{ plan: string }>("EXPLAIN SELECT FROM events WHERE order_id = 'o-2490007' AND log_offset >= 0");
    expect(JSON.stringify(rows)).toContain('events_from_0_order_id_log_offset_idx');
  });
});

describe('history across the tables', () => {
  const NO_TAIL = { unstoredEvents: () => [], checkpoint: () => 0, reset: async () => {} };

  it('is whole, in order and in pages; as it was at every time', async () => {
    const database = await newArchive();
    const store = storeOn(database);
    await store.createCheckpoints('id', [0]);
    // One order whose facts lie in three tables, other orders between them.
    const long = [
      created('long', {}, { time: T0 }),
      fact('OrderProcessing', 'long', 2, 'pending', { time: T0 + 1 }),
      fact('OrderCompleted', 'long', 3, 'processing', { time: T0 + 2 }),
    ];
    const others = lives(20);
    const log = [long[0]!, ...others.slice(0, 25), long[1]!, ...others.slice(25, 50), long[2]!];
    await store.commit(project(decodedOf(recordsOf(log)), () => null));
    const stored = await orderOf(database, 'long');
    const events = createOrderEvents({ tail: NO_TAIL, readModel: createReadModel(database, 'orders') });
    const offsets = [0, 26, 52];
    expect((await events.page(stored, 0, 10)).map(({ offset }) => offset)).toEqual(offsets);
    expect((await events.page(stored, 0, 1)).map(({ offset }) => offset)).toEqual(offsets.slice(0, 1));
    expect((await events.page(stored, 1, 10)).map(({ offset }) => offset)).toEqual(offsets.slice(1));
    for (const [n, status] of ['pending', 'processing', 'completed'].entries())
      expect((await events.asOf(stored, T0 + n))?.status).toBe(status);

    await database.query('DROP TABLE events_from_0');
    const asked = [
      () => events.page(stored, 0, 1),
      () => events.page(stored, 0, 10),
      () => events.asOf(stored, T0),
      () => events.requestOf(stored, 'r'),
      () => events.creationOf(stored),
    ];
    for (const ask of asked) await expect(ask()).rejects.toMatchObject({ code: 'HISTORY_DROPPED' });
    const younger = await orderOf(database, 'o-10');
    expect((await events.page(younger, 0, 10)).map(({ offset }) => offset)).toEqual([32, 33, 34]);
    await database.query('DELETE FROM events'); // not dropped, but gone: an archive that went back
    await expect(events.page(younger, 0, 10)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  const orderOf = async (database: Database, id: string) =>
    storedOrder((await database.query<OrderRow>('SELECT * FROM orders WHERE order_id = $1', [id])).rows[0]!);
});

describe('dropping what is old', () => {
  const printed: { objects: object[]; lines: string[] }[] = [];
  const terminal = {
    progress: () => {},
    failure: () => {},
    result: (object: object, lines: readonly string[]) => void printed.push({ objects: [object], lines: [...lines] }),
    list: (objects: readonly object[], lines: readonly string[]) => void printed.push({ objects: [...objects], lines: [...lines] }),
  };
  const addressesOf = (database: Database, topic = 'orders') =>
    ({ DATABASE_URL: inject('stack').database, ORDERS_TOPIC: topic, READ_MODEL_SCHEMA: database.schema }) as Parameters<
      typeof runArchiveList
    >[1];
  // What a log that lacks the records refuses: tests/integration/recovery.
  const inTheLog = () => async () => null;
  const drop = async (database: Database, before: number, yes = false, topic = 'orders') => {
    await runArchiveDrop({ before, yes }, inTheLog)(null as never, addressesOf(database, topic), terminal);
    const { objects, lines } = printed.at(-1)!;
    return {
      ...(objects[0] as { dropped: { table: string }[]; kept: { table: string; because: string } | null; dry_run: boolean }),
      lines,
    };
  };
  const names = (tables: readonly { table: string }[]): string[] => tables.map(({ table }) => table);

  it('says first what it would drop, then drops whole tables whose records are all older', async () => {
    const database = await newArchive();
    const store = storeOn(database);
    await store.createCheckpoints('id', [0]);
    await store.commit(project(decodedOf(recordsOf(lives(30))), () => null)); // offsets 0 to 89, a day per three
    await runArchiveList(null as never, addressesOf(database), terminal);
    expect(printed.at(-1)!.objects).toMatchObject([
      { table: 'events_from_0', records: 20, first_at: iso(0), last_at: iso(6) },
      { table: 'events_from_20', records: 20, first_at: iso(6), last_at: iso(13) },
      { table: 'events_from_40', records: 20 },
      { table: 'events_from_60', records: 20 },
      { table: 'events_from_80', records: 10, last_at: iso(29) },
      { table: 'events_from_100', records: 0, first_at: null, last_at: null },
    ]);

    const before = T0 + 14 * DAY_MS;
    const dry = await drop(database, before);
    expect([names(dry.dropped), dry.kept, dry.dry_run]).toMatchObject([
      ['events_from_0', 'events_from_20'],
      { table: 'events_from_40', because: 'younger' },
      true,
    ]);
    expect(dry.lines.at(-1)).toContain('Nothing was dropped');
    expect(await ranges(database)).toHaveLength(6);
    expect((await drop(database, T0 + 13 * DAY_MS)).dropped, 'a record of that very moment is not older').toHaveLength(1);

    const done = await drop(database, before, true);
    expect(names(done.dropped)).toEqual(names(dry.dropped));
    expect((await ranges(database))[0]).toEqual([40, 60]);
    expect((await readTables(database)).orders).toHaveLength(30);
    expect((await drop(database, before, true)).dropped).toEqual([]);
    // The projector goes on as if nothing had been.
    await store.commit(project(decodedOf(recordsOf([created('new')], 0, 90)), () => null));
    expect((await ranges(database))[0]).toEqual([40, 60]);
  });

  it('takes a batch that nobody opens for as old as it is, also where it stands across the end of a table', async () => {
    const database = await newArchive();
    const store = storeOn(database);
    await store.createCheckpoints('id', [0]);
    const at = { topic: 'orders', partition: 0, offset: 6, lastOffset: 33, timestamp: T0 + 5 * DAY_MS };
    const batch = unopenedBatch(at, Buffer.from('a batch'), 'UNKNOWN_CODEC');
    const after = recordsOf(lives(3).map(renamed), 0, 34);
    await store.commit(project(decodedOf([...recordsOf(lives(2)), batch, ...after]), () => null));
    await runArchiveList(null as never, addressesOf(database), terminal);
    expect(printed.at(-1)!.objects).toMatchObject([{ first_at: iso(0), last_at: iso(5) }, { first_at: null, last_at: iso(1) }, {}, {}]);
    expect((await drop(database, T0 + 5 * DAY_MS)).dropped).toEqual([]);
    expect(names((await drop(database, T0 + 6 * DAY_MS)).dropped)).toEqual(['events_from_0', 'events_from_20']);
  });

  it('never drops what is still being filled, in any partition', async () => {
    const database = await newArchive();
    const store = storeOn(database);
    await store.createCheckpoints('id', [0, 1]);
    await store.commit(project(decodedOf([...recordsOf(lives(20), 0), ...recordsOf(lives(9).map(renamed), 1)]), () => null));
    const { dropped, kept } = await drop(database, Date.UTC(2030, 0, 1), true);
    expect([names(dropped), kept]).toMatchObject([['events_from_0'], { table: 'events_from_20', because: 'being_filled' }]);
  });

  it('never takes the history of an open order', async () => {
    const database = await newArchive();
    const store = storeOn(database);
    await store.createCheckpoints('id', [0]);
    const log = [...lives(8), created('open', {}, { time: T0 }), ...lives(30).slice(24)];
    await store.commit(project(decodedOf(recordsOf(log)), () => null));
    const late = Date.UTC(2030, 0, 1);
    const first = await drop(database, late, true);
    expect([names(first.dropped), first.kept]).toMatchObject([['events_from_0'], { table: 'events_from_20', because: 'open_order' }]);
    await database.query("UPDATE orders SET status = 'cancelled' WHERE order_id = 'open'");
    expect(names((await drop(database, late, true)).dropped)).toEqual(['events_from_20', 'events_from_40', 'events_from_60']);
  });

  it('waits for no reader: it gives way, and drops when the reader is done', async () => {
    const database = await newArchive();
    const store = storeOn(database);
    await store.createCheckpoints('id', [0]);
    await store.commit(project(decodedOf(recordsOf(lives(10))), () => null));
    const reader = await database.connect();
    await reader.query('BEGIN');
    await reader.query('SELECT FROM events');
    const dropping = drop(database, Date.UTC(2030, 0, 1), true);
    const waiting = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))';
    const { rows } = await reader.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await eventually(async () => (await database.query(waiting, [rows[0]!.pid])).rowCount! > 0, {
      what: 'the drop to wait for the reader',
    });
    // Behind the one that waits for its lock others wait too, but never for longer than it does.
    expect((await database.query('SELECT FROM events')).rowCount).toBe(30);
    await reader.query('COMMIT');
    reader.release();
    expect(names((await dropping).dropped)).toEqual(['events_from_0']);
  });

  it('leaves verify and rebuild true: what is gone is not missed, and comes back only when asked for', async () => {
    const projection: Projection = await newProjection();
    const { client, topic, database } = projection;
    const tool = { client, topic, databaseUrl: inject('stack').database, schema: database.schema };
    try {
      await database.query('DROP TABLE events_from_0');
      const store = () => createPostgresStore(openSchema(database.schema), topic, { archiveTableOffsets: OFFSETS });
      await projection.start({ store });
      await projection.append(histories(120, 31));
      await projection.caughtUp();
      const whole = await readTables(database);
      expect((await ranges(database)).length).toBeGreaterThan(4);
      expect(await verify(tool)).toMatchObject({ drift: 0, archiveFrom: 0 });

      await database.query("UPDATE orders SET status = 'cancelled' WHERE status IN ('pending', 'processing')"); // as far as the drop looks
      expect((await drop(database, Date.now() + DAY_MS, true, topic)).dropped.length).toBeGreaterThan(1);
      const archiveFrom = (await ranges(database))[0]![0]!;
      expect(archiveFrom).toBeGreaterThan(OFFSETS);
      const left = whole.archive.filter(({ position }) => Number(position.split('@')[1]) >= archiveFrom);

      await rebuild(tool);
      expect(await readTables(database)).toEqual({ ...whole, archive: left });
      expect(await verify(tool)).toMatchObject({ drift: 0, archiveFrom });
      await database.query(`DELETE FROM events WHERE partition = 0 AND log_offset = ${archiveFrom}`);
      expect((await verify(tool)).differences).toMatchObject([{ what: 'archive', id: `0@${archiveFrom}`, field: 'row' }]);

      await rebuild({ ...tool, wholeArchive: true });
      expect(await readTables(database)).toEqual(whole);
      expect(await verify(tool)).toMatchObject({ drift: 0, archiveFrom: 0 });
    } finally {
      await projection.stop();
    }
  });
});

const iso = (day: number): string => new Date(T0 + day * DAY_MS).toISOString();
const renamed = <E extends { orderId: string }>(event: E): E => ({ ...event, orderId: `p1-${event.orderId}` });
