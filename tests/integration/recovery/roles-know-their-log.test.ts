// R17 on real parts: a broker loses the end of its log, and the log has grown past what the roles have read before they look again.
// Each role ends with a sentence that says so, before it writes or answers anything, and does not start on that log either.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAppender } from '../../../shared/log/append/appender.ts';
import { encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { created } from '../../support/builders/order-events.ts';
import { eventually } from '../../support/eventually.ts';
import { loseEnd } from '../../support/faults/cut-log.ts';
import { patience } from '../../support/machine.ts';
import { type OwnEnvironment, startOwnEnvironment } from '../../support/stack/own-environment.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import { clientUnderTest } from '../log/log-under-test.ts';

const ROLES = ['api', 'processor', 'projector'] as const;
const ORDERS = 5;
const ENDS_WITHIN_MS = patience(60_000);

let environment: OwnEnvironment;
let fleet: Fleet;
let client: LogClient;
let database: Database;
let end: number;
beforeAll(async () => {
  environment = await startOwnEnvironment();
  const env = { ORDERS_PARTITIONS: '1', PRODUCTS_PARTITIONS: '1', PROCESSING_TIME_MS: '50' };
  fleet = await startFleet({ ...environment, env });
  client = clientUnderTest({ brokers: [environment.kafka] });
  database = openDatabase({ url: environment.database, schema: fleet.where.ledgerSchema, applicationName: 'tests' });
  for (let n = 0; n < ORDERS; n += 1) await completeOne(n);
  end = await endOfLog();
  await eventually(async () => (await stored()).every(({ offset }) => Number(offset) === end), {
    what: 'the ledger and the read model to note the end of the log',
    timeoutMs: ENDS_WITHIN_MS,
  });
});
afterAll(async () => {
  await database?.end();
  await fleet?.stop();
  await environment?.stop();
});

const endOfLog = async (): Promise<number> => (await logEnd(client, fleet.where.ordersTopic)).get(0)!.high;
const completeOne = async (n: number): Promise<void> => {
  const [url] = fleet.urls();
  const id = `order-${n}`;
  const body = JSON.stringify({ order_id: id, user_id: 1, item_ids: ['1'], total_amount: 1 });
  expect((await fetch(`${url}/orders`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status).toBe(201);
  await eventually(async () => ((await (await fetch(`${url}/orders/${id}`)).json()) as { status: string }).status === 'completed', {
    what: `${id} to be completed`,
  });
};
/** What follows from the log: up to where the ledger and the read model do. */
const stored = async (): Promise<{ offset: number; id: string }[]> => {
  const { ordersTopic: topic, readModelSchema } = fleet.where;
  const { rows } = await database.query<{ offset: number; id: string }>(
    `SELECT read_offset AS offset, last_event_id AS id FROM partitions WHERE topic = $1
     UNION ALL SELECT next_offset, last_event_id FROM ${readModelSchema}.checkpoints WHERE topic = $1`,
    [topic],
  );
  return rows;
};
const growPast = async (offset: number): Promise<void> => {
  const { ordersTopic: topic } = fleet.where;
  const appender = createAppender({ client, partitionCounts: new Map([[topic, 1]]) });
  for (let n = 0; (await endOfLog()) <= offset; n += 1) await appender.append(encodeOrderEvent(created(`other-${n}`), topic));
  await appender.stop();
};

describe('a log that lost its end and has grown past what was read', () => {
  it('is noticed by each role that runs, which ends and has written nothing', async () => {
    const before = await stored();
    for (const member of fleet.members()) member.signal('SIGSTOP'); // they look only when it has grown
    await loseEnd(environment, fleet.where.ordersTopic, new Map([[0, end - 4]]));
    expect(await endOfLog()).toBeLessThan(end);
    await growPast(end + 4);
    const grown = await endOfLog();
    for (const member of fleet.members()) member.signal('SIGCONT');
    for (const member of fleet.members()) {
      await eventually(() => member.output().includes('is not started again'), {
        what: `${member.name} to end:\n${member.output()}`,
        timeoutMs: ENDS_WITHIN_MS,
      });
      expect(member.output()).toContain(`/0@${end}, but the log has`);
      expect(member.output()).toContain('docs/recovery.md#the-end-of-the-log-is-lost');
    }
    expect(await endOfLog()).toBe(grown);
    expect(await stored()).toEqual(before);
  });

  it.each(ROLES)('is noticed by the %s that starts, before it writes or answers anything', async (role) => {
    const before = { stored: await stored(), end: await endOfLog() };
    await expect(fleet.add(role)).rejects.toThrow('docs/recovery.md#the-end-of-the-log-is-lost');
    expect({ stored: await stored(), end: await endOfLog() }).toEqual(before);
  });
});

describe('a topic of the same name that was created again', () => {
  beforeAll(async () => {
    const { ordersTopic: topic } = fleet.where;
    await client.withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
    const made = () => client.withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }] }));
    await eventually(() => made(), { what: 'the topic to be there again' });
    const settings = ['retention.ms', 'retention.bytes'].map((name) => ({ name, value: '-1' }));
    await client.withAdmin((admin) =>
      admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: topic, configEntries: settings }] }),
    );
  });

  it.each(ROLES)('is refused by the %s as the log that is lost, while it is shorter', async (role) => {
    await expect(fleet.add(role)).rejects.toThrow('docs/recovery.md#the-log-is-lost');
  });

  it.each(ROLES)('is refused by the %s as another log, when it has grown', async (role) => {
    await growPast(end + 4);
    await expect(fleet.add(role)).rejects.toThrow('docs/recovery.md#another-log');
  });
});
