// tests/integration/log/client.test.ts: connections that have nothing to do cost nothing, and a broker that hangs is passed over.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { createAppender } from '../../../shared/log/append/appender.ts';
import { createLogClient } from '../../../shared/log/connect/client.ts';
import { eventually } from '../../support/eventually.ts';
import { quickest } from '../../support/quickest.ts';
import { broker, clientUnderTest, newTopic, readersUnderTest, record } from './log-under-test.ts';

afterEach(() => vi.restoreAllMocks());

test('an idle appender and an idle reader arm only a handful of timers a second, and use next to no CPU', async () => {
  const client = clientUnderTest();
  const topic = await newTopic(client, 4);
  const appender = createAppender({ client, partitionCounts: new Map([[topic, 4]]) });
  const { startReader, stopAll } = readersUnderTest(() => ({ client, topic }));
  const { records } = await startReader();
  await appender.append(record(topic, 'k'));
  await eventually(() => records.length === 1, { what: 'the first record' });

  const timers = vi.spyOn(globalThis, 'setTimeout');
  const [before, since] = [process.cpuUsage(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, 2_000)); // idleness is what is measured
  const { user, system } = process.cpuUsage(before);
  const tookMs = performance.now() - since; // more than 2 s where this process had to wait for its turn
  expect(timers.mock.calls.length).toBeLessThan(0.02 * tookMs); // kafkajs alone would arm 900 a second for every connection
  expect((user + system) / 1_000).toBeLessThan(0.1 * tookMs);
  timers.mockRestore();
  await appender.append(record(topic, 'k')); // and they still work
  await eventually(() => records.length === 2, { what: 'the second record' });
  await Promise.all([stopAll(), appender.stop()]);
});

test('a broker that takes connections and is silent is passed over in seconds', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const { logger, clientId } = clientUnderTest();
  const client = createLogClient({ brokers: [`127.0.0.1:${port}`, broker()], clientId, logger });
  const asking = async () => {
    const link = client.openLink();
    await Promise.all([link.cluster.connect(), client.withAdmin((admin) => admin.listTopics())]);
    link.destroy();
  };
  // 3 s are usual; kafkajs alone gives up after ten, and never comes to the second.
  expect(await quickest(8_000, asking)).toBeLessThan(8_000);
  silent.close();
});
