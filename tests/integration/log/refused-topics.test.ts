// A role that finds topics with other settings than its own ends with one line and the exit code that says: do not start it again.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createLogClient, type LogClient } from '../../../shared/log/connect/client.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { startRole } from '../../support/stack/service/role-process.ts';

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe('topics that are not as configured', () => {
  const names = { ORDERS_TOPIC: uniqueName('orders'), PRODUCTS_TOPIC: uniqueName('products') };
  let client: LogClient;
  beforeAll(async () => {
    client = createLogClient({ brokers: [inject('stack').kafka], clientId: 'tests', logger: quiet });
    const settings = [
      ['retention.ms', '3600000'],
      ['cleanup.policy', 'delete'],
    ].map(([name, value]) => ({ name: name!, value: value! }));
    await client.withAdmin(async (admin) => {
      await admin.createTopics({
        waitForLeaders: true,
        topics: [
          { topic: names.ORDERS_TOPIC, numPartitions: 3, replicationFactor: 1, configEntries: settings },
          { topic: names.PRODUCTS_TOPIC, numPartitions: 12, replicationFactor: 1 },
        ],
      });
    });
  });
  afterAll(() => client.withAdmin((admin) => admin.deleteTopics({ topics: Object.values(names) })));

  it('stop a role once and for all, and every difference is named', async () => {
    const start = startRole('processor', names);
    const { message } = await start.then(
      () => expect.unreachable('it started'),
      (error: Error) => error,
    );
    expect(message).toContain('"code":"TOPIC_MISCONFIGURED"');
    expect(message).toContain(`${names.ORDERS_TOPIC}: partitions is 3, wanted 12`);
    expect(message).toContain(`${names.ORDERS_TOPIC}: retention.ms is 3600000, wanted -1`);
    expect(message).not.toMatch(/"stack"/);
    expect(message).toMatch(/code 78/);
  });
});
