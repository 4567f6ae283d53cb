// tests/integration/log/client.test.ts: connections that have nothing to do cost nothing, and a broker that hangs is passed over.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { createAppender } from '../../../shared/log/appender.ts';
import { createLogClient } from '../../../shared/log/client.ts';
import { eventually } from '../../support/eventually.ts';
import { broker, clientUnderTest, newTopic, readersUnderTest, record } from './log-under-test.ts';

afterEach(() => vi.restoreAllMocks());

test('an idle lane and an idle reader arm only a handful of timers a second, and use next to no CPU', async () => {
  const client = clientUnderTest();
  const topic = await newTopic(client, 4);
  const lane = createAppender({ client, partitionCounts: new Map([[topic, 4]]) });
  const { startReader, stopAll } = readersUnderTest(() => ({ client, topic }));
  const { records } = await startReader();
  await lane.append(record(topic, 'k'));
  await eventually(() => records.length === 1, { what: 'the first record' });

  const timers = vi.spyOn(globalThis, 'setTimeout');
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 2_000)); // idleness is what is measured
  const { user, system } = process.cpuUsage(before);
  expect(timers.mock.calls.length).toBeLessThan(40); // kafkajs alone would arm 900 a second for every connection
  expect((user + system) / 1_000).toBeLessThan(200); // of 2,000 ms
  timers.mockRestore();
  await lane.append(record(topic, 'k')); // and they still work
  await eventually(() => records.length === 2, { what: 'the second record' });
  await Promise.all([stopAll(), lane.stop()]);
});

test('a broker that takes connections and is silent is passed over in seconds', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const { logger, clientId } = clientUnderTest();
  const client = createLogClient({ brokers: [`127.0.0.1:${port}`, broker()], clientId, logger });
  const link = client.openLink();
  const startedAt = performance.now();
  await Promise.all([link.cluster.connect(), client.withAdmin((admin) => admin.listTopics())]);
  expect(performance.now() - startedAt).toBeLessThan(8_000); // 3 s are usual; kafkajs alone gives up after ten, and never comes to the second
  link.destroy();
  silent.close();
}, 90_000);
