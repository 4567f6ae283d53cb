// Goal: every order that was acknowledged and archived is there after its log was lost, open ones go on, and `verify` agrees.
// Method: a whole service; its topic is deleted, or loses its end and goes on with other orders; `restore-log`, `rebuild`, start.

import { afterEach, describe, expect, inject, it } from 'vitest';
import { createAppender } from '../../../shared/log/append/appender.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { exactHeadersOf } from '../../../shared/log/protocol/exact-headers.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import { openDatabase, type Row } from '../../../shared/postgres/database.ts';
import { readNextOffsets } from '../../../shared/postgres/tables/checkpoints.ts';
import { readTopic } from '../../oracle/raw-log.ts';
import { eventually } from '../../support/eventually.ts';
import { ordersCli } from '../../support/stack/service/orders-cli.ts';
import type { RoleName } from '../../support/stack/service/role-process.ts';
import { type Service, startService } from '../../support/stack/service/service.ts';
import { clientUnderTest, readAll } from '../log/log-under-test.ts';
import { deleteTopic } from './lost-topic.ts';

const PARTITIONS = 3;
const NAMES = { ORDERS_PARTITIONS: String(PARTITIONS), PRODUCTS_PARTITIONS: '1', PROCESSING_TIME_MS: '50' };

let service: Service;
let kept: string[] = [];
afterEach(async () => {
  await service.stop();
  for (const schema of kept.splice(0)) await sql(`DROP SCHEMA ${schema} CASCADE`);
});

const client = clientUnderTest();
const topicOf = (): string => service.env.ORDERS_TOPIC!;

const sql = async (statement: string, schema = service.env.READ_MODEL_SCHEMA!): Promise<Row[]> => {
  const database = openDatabase({ url: inject('stack').database, schema, applicationName: 'tests', maxConnections: 1 });
  return (await database.query(statement).finally(database.end)).rows;
};

const ITEM = { quantity: 1, unit_price: 5 };
/** Half of them of a product that has a stock. */
const order = async (count: number): Promise<string[]> => {
  const items = (index: number) => [{ product_id: index % 2 === 0 ? 'p-stocked' : 'p-other', ...ITEM }];
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) => service.post({ user_id: 'u-1', items: items(index), total_amount: 5 })),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  return answers.map(({ body }) => String(body.order_id));
};

const archivedToTheEnd = (): Promise<unknown> =>
  eventually(
    async () => {
      const ends = await logEnd(client, topicOf());
      const database = openDatabase({ url: inject('stack').database, schema: service.env.READ_MODEL_SCHEMA!, applicationName: 'tests' });
      const reached = await readNextOffsets(database, topicOf()).finally(database.end);
      return [...ends].every(([partition, { high }]) => reached.get(partition) === high);
    },
    { what: 'the archive to reach the end of the log' },
  );

const stop = async (...roles: RoleName[]): Promise<void> => {
  await Promise.all(roles.map((role) => service.roles[role].stop()));
};
const start = async (...roles: RoleName[]): Promise<void> => {
  for (const role of roles) service.roles[role] = await service.start(role);
};
const cli = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, stdout, stderr } = await ordersCli([...args, '--json'], service.env);
  expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>;
};

const allCompleted = async (orderIds: readonly string[]): Promise<void> => {
  for (const id of orderIds) expect(await service.completed(id)).toMatchObject({ order_id: id, status: 'completed' });
};
const verified = async (): Promise<void> => {
  await archivedToTheEnd();
  expect(await cli('verify')).toMatchObject({ drift: 0, ledger: { drift: 0 } });
};

/** Some orders completed, some open, all in the archive, and no role running. */
const lived = async (): Promise<{ completed: string[]; open: string[] }> => {
  service = await startService(NAMES);
  const created = await service.post({ product_id: 'p-stocked', name: 'p', price: 5, stock: 1_000 }, {}, '/products');
  expect(created.status).toBe(201);
  const completed = await order(12);
  await allCompleted(completed);
  await stop('processor');
  const open = await order(12);
  await archivedToTheEnd();
  await stop('api', 'projector');
  return { completed, open };
};

describe('after restore-log and rebuild', () => {
  it('a topic that was deleted is the same log again: every order is there, and open ones go on', async () => {
    const { completed, open } = await lived();
    const before = await readTopic(inject('stack').kafka, topicOf());
    await deleteTopic(client, topicOf());
    expect(await cli('restore-log', '--dry-run')).toMatchObject({ dry_run: true, appended: before.length, orders: 24, moved: 0 });
    expect(await cli('restore-log')).toMatchObject({ appended: before.length, orders: 24, moved: 0, left_out: 0, missing: 0, others: 0 });
    expect(await readTopic(inject('stack').kafka, topicOf())).toEqual(before);
    expect(await sql('SELECT complete FROM ledger', service.env.LEDGER_SCHEMA!)).toEqual([{ complete: false }]);
    await cli('rebuild');
    await start('projector', 'processor', 'api');
    await allCompleted([...completed, ...open]);
    await verified();
    const stock = (await service.get('/products/p-stocked')).body;
    expect(stock).toMatchObject({ sold: 12, reserved: 0, available: 988 });
  });

  it('a log that lost its end and went on has the orders of before and of since', async () => {
    const { completed, open } = await lived();
    const before = await readAll(client, topicOf());
    const left = await loseEnd(before);
    // What an operator did who did not know better: a new read model, the old one put away.
    const { READ_MODEL_SCHEMA: schema, LEDGER_SCHEMA: ledger } = service.env;
    kept = [`${schema}_kept`];
    await sql(`ALTER SCHEMA ${schema} RENAME TO ${kept[0]}; DROP SCHEMA ${ledger} CASCADE`);
    await start('projector');
    await cli('rebuild');
    await start('processor', 'api');
    const since = await order(12);
    await allCompleted(since);
    await archivedToTheEnd();

    for (const role of ['projector', 'processor', 'api'] as const) {
      const { code, stderr } = await ordersCli(['restore-log', '--from', kept[0]!], service.env);
      expect({ role, code, stderr }).toEqual({ role, code: 1, stderr: expect.stringContaining('stop all roles first') });
      await stop(role);
    }
    expect(await cli('restore-log', '--from', kept[0]!)).toMatchObject({
      archived: before.length,
      found: left,
      appended: before.length - left,
      left_out: 0,
      others: 0,
    });
    expect(await cli('restore-log', '--from', kept[0]!)).toMatchObject({ found: before.length, appended: 0 });
    await cli('rebuild');
    await start('projector', 'processor', 'api');
    await allCompleted([...completed, ...open, ...since]);
    await verified();
  });
});

/** The topic as it was, without the second half of each partition. Resolves with the number of records that are left. */
const loseEnd = async (before: readonly LogRecord[]): Promise<number> => {
  const topic = topicOf();
  await deleteTopic(client, topic);
  await ensureTopics({ client, topics: [{ name: topic, partitions: PARTITIONS }], replicationFactor: 1, minInsyncReplicas: 1 });
  const appender = createAppender({ client, partitionCounts: new Map([[topic, PARTITIONS]]) });
  const ends = Map.groupBy(before, ({ partition }) => partition);
  const left = before.filter(({ partition, offset }) => offset < ends.get(partition)!.length / 2);
  await Promise.all(
    left.map((record) => {
      const { partition, key, value } = record;
      return appender.append({ topic, partition, key, value, headers: {}, exactHeaders: exactHeadersOf(record) });
    }),
  );
  await appender.stop();
  return left.length;
};
