// Goal: rows of another log are replaced without a question only where this log has every record of them. Method: a topic is deleted and made
// again under its name, once with the same records, once with a part of them and others.

import { afterEach, describe, expect, inject, it } from 'vitest';
import { rebuild } from '../../../projector/rebuild/rebuild.ts';
import { verify } from '../../../projector/verify/verify.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import { listKept } from '../../../shared/postgres/kept-schemas.ts';
import { created } from '../../support/builders/order-events.ts';
import { eventually } from '../../support/eventually.ts';
import { histories } from '../projector/histories.ts';
import { newProjection, PARTITIONS, type Projection } from '../projector/projection.ts';
import { closeAll, readTables } from '../projector/read-model.ts';

let projection: Projection;
afterEach(async () => {
  const { database } = projection;
  for (const { name } of await listKept(database, [database.schema])) await database.query(`DROP SCHEMA ${name} CASCADE`);
  await projection.stop();
  await closeAll();
});

const tool = () => ({
  client: projection.client,
  topic: projection.topic,
  databaseUrl: inject('stack').database,
  schema: projection.database.schema,
});

/** A read model of a log that is gone; its topic is there again, with another id and what `again` makes of its records. */
const replacedLog = async (again: (records: LogRecord[]) => LogRecord[]): Promise<LogRecord[]> => {
  projection = await newProjection();
  const { client, topic } = projection;
  const projector = await projection.start();
  await projection.append(histories(60, 51));
  await projection.caughtUp();
  await projector.stop();
  const records = await projection.readAll(topic);
  await client.withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await eventually(async () => !(await admin.listTopics()).includes(topic), { what: 'the topic to be gone' });
  });
  await ensureTopics({ client, topics: [{ name: topic, partitions: PARTITIONS }], replicationFactor: 1, minInsyncReplicas: 1 });
  for (const { key, value, headers } of again(records)) {
    const texts = Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, bytes!.toString()]));
    await projection.appendRaw([{ topic, key: String(key), value: String(value), headers: texts }]);
  }
  return records;
};

describe('a rebuild from another log', () => {
  it('needs no question where that log has the same records, byte for byte', async () => {
    await replacedLog((records) => records);
    const before = await readTables(projection.database);
    expect(await rebuild(tool())).toMatchObject({ kept: null });
    expect((await readTables(projection.database)).orders).toEqual(before.orders);
    expect(await verify(tool())).toMatchObject({ drift: 0 });
    expect(await listKept(projection.database, [projection.database.schema])).toEqual([]);
  });

  it('counts what it lacks, orders, records, and orders in part, and keeps them when that is accepted', async () => {
    const isWhole = (record: LogRecord): boolean => record.offset < 10; // of each partition; of some orders this is the beginning
    const records = await replacedLog((all) => all.filter(isWhole));
    await projection.append([created('another')]);
    const before = await readTables(projection.database);
    const missing = records.filter((record) => !isWhole(record));
    const known = new Set(records.filter(isWhole).map(({ headers }) => String(headers.ce_subject)));
    const orders = before.orders.filter(({ createdOffset }) => createdOffset >= 10).length;
    const partly = new Set(missing.map(({ headers }) => String(headers.ce_subject)).filter((id) => known.has(id))).size;
    expect([orders > 20, partly > 2]).toEqual([true, true]); // else this shows nothing

    const sentence = new RegExp(
      `^${orders} orders and ${missing.length} records are here and not in the log: the topic \\S+ is another one than these rows were made from\\. ` +
        `Of ${partly} more orders the log has only a part\\.`,
    );
    await expect(rebuild(tool())).rejects.toMatchObject({ code: 'LOSS_NOT_ACCEPTED', message: expect.stringMatching(sentence) });
    expect(await readTables(projection.database)).toEqual(before);

    const { kept } = await rebuild({ ...tool(), acceptLoss: true, now: Date.UTC(2026, 10, 29, 14, 48) });
    const name = `${projection.database.schema}_kept_2026_11_29_1448`;
    expect(kept).toMatchObject({ name, loss: { orders, records: missing.length, ordersInPart: partly } });
    const [found] = await listKept(projection.database, [projection.database.schema]);
    expect(found).toMatchObject({
      name,
      why: expect.stringMatching(sentence),
      rows: { orders: before.orders.length, events: records.length },
    });
    expect(await verify(tool())).toMatchObject({ drift: 0 });
  });

  it('keeps ten replaced schemas, and then says what to do instead of an eleventh', async () => {
    await replacedLog(() => []);
    const { database } = projection;
    for (let n = 0; n < 10; n += 1) await database.query(`CREATE SCHEMA ${database.schema}_kept_2026_01_1${n}_0000`);
    const refused = rebuild({ ...tool(), acceptLoss: true });
    await expect(refused).rejects.toMatchObject({ code: 'TOO_MUCH_KEPT', message: expect.stringContaining('kept drop NAME --really') });
    expect(await listKept(database, [database.schema])).toHaveLength(10);
  });
});
