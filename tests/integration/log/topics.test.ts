// tests/integration/log/topics.test.ts: topics are as the configuration says, or nobody starts; and a topic is known by its id.

import { beforeEach, describe, expect, test } from 'vitest';
import { createAppender } from '../../../shared/log/append/appender.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import { createLogEnd, logEnd } from '../../../shared/log/topics/offsets.ts';
import { topicId } from '../../../shared/log/topics/topic-id.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { startTcpProxy } from '../../support/faults/tcp-proxy.ts';
import { broker, clientUnderTest, countUpTo, newTopic, record } from './log-under-test.ts';

let client: LogClient;
beforeEach(() => {
  client = clientUnderTest();
});

const ensure = (name: string, partitions: number, minInsyncReplicas = 1, waitMaxMs?: number) =>
  ensureTopics({ client, topics: [{ name, partitions }], replicationFactor: 1, minInsyncReplicas, waitMaxMs });

describe('ensuring topics', () => {
  test('creates what is missing with the settings that keep every event for ever, and is content with it afterwards', async () => {
    const [first, second] = [uniqueName('topic'), uniqueName('topic')];
    await ensure(first, 3);
    const both = [
      { name: first, partitions: 3 },
      { name: second, partitions: 1 },
    ];
    await ensureTopics({ client, topics: both, replicationFactor: 1, minInsyncReplicas: 1 });
    const { resources } = await client.withAdmin((admin) =>
      admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: second }] }),
    );
    const settings = new Map(resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]));
    expect(settings.get('cleanup.policy')).toBe('delete');
    expect(settings.get('retention.ms')).toBe('-1');
    expect(settings.get('retention.bytes')).toBe('-1');
    expect(settings.get('min.insync.replicas')).toBe('1');
    expect(settings.get('message.timestamp.type')).toBe('LogAppendTime');
    expect(settings.get('compression.type')).toBe('producer');
    expect((await logEnd(client, first)).size).toBe(3);
  });

  test('several processes may start at once', async () => {
    const name = uniqueName('topic');
    await expect(Promise.all(countUpTo(5).map(() => ensure(name, 4)))).resolves.toHaveLength(5);
  });

  test('refuses a topic with another partition count, naming both', async () => {
    const name = await newTopic(client, 3);
    const refusal = { code: 'TOPIC_MISCONFIGURED', message: expect.stringContaining(`${name}: partitions is 3, wanted 6`) };
    await expect(ensure(name, 6)).rejects.toMatchObject(refusal);
    expect((await logEnd(client, name)).size).toBe(3);
  });

  test.each([
    ['retention.ms', '604800000', '-1'],
    ['retention.bytes', '1000000', '-1'],
    ['cleanup.policy', 'compact', 'delete'],
    ['min.insync.replicas', '2', '1'],
    ['compression.type', 'lz4', 'producer or uncompressed or gzip or zstd'],
  ])('refuses a topic whose %s is %s', async (setting, value, wanted) => {
    const name = await newTopic(client, 1);
    const resource = { type: 2, name, configEntries: [{ name: setting, value }] };
    await client.withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }));
    const sentence = `${name}: ${setting} is ${value}, wanted ${wanted}`;
    await eventually(
      async () => {
        const refusal = await ensure(name, 1).catch((error) => error);
        return refusal?.code === 'TOPIC_MISCONFIGURED' && refusal.message.includes(sentence);
      },
      { what: `the sentence "${sentence}"` },
    );
  });

  test('refuses another replication factor', async () => {
    const name = await newTopic(client, 1);
    const refused = ensureTopics({ client, topics: [{ name, partitions: 1 }], replicationFactor: 3, minInsyncReplicas: 1 });
    await expect(refused).rejects.toMatchObject({ message: expect.stringContaining(`${name}: replication factor is 1, wanted 3`) });
  });

  test('waits for a broker that is not there yet, and says so', async () => {
    const proxy = await startTcpProxy(broker());
    await proxy.down();
    const lines: string[] = [];
    const note = (_: object, message: string) => void lines.push(message);
    client = clientUnderTest({
      socketFactory: proxy.socketFactory,
      logger: { debug: () => undefined, info: note, warn: note, error: note },
    });
    const name = uniqueName('topic');
    const ensured = ensure(name, 2);
    await eventually(() => lines.includes('preparing the topics fails; trying again'), { what: 'the line in the log' });
    await proxy.up();
    await ensured;
    await proxy.stop();
  });

  test('gives up after the limit', async () => {
    const proxy = await startTcpProxy(broker());
    await proxy.down();
    client = clientUnderTest({ socketFactory: proxy.socketFactory });
    await expect(ensure(uniqueName('topic'), 1, 1, 500)).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    await proxy.stop();
  });
});

describe("a topic's id", () => {
  test('is the same for everybody, and another one once the topic was deleted and made again', async () => {
    const name = await newTopic(client, 2);
    const id = await topicId(client, name);
    expect(id).toMatch(/^[\w-]{22}$/);
    expect(await topicId(clientUnderTest(), name)).toBe(id);
    expect(await topicId(client, await newTopic(client, 2))).not.toBe(id);
    await client.withAdmin((admin) => admin.deleteTopics({ topics: [name] }));
    await eventually(() => ensure(name, 2).then(() => true), { what: 'the topic to be made again' });
    const again = await eventually(
      async () => {
        const found = await topicId(client, name);
        return found === id ? null : found;
      },
      { what: 'another id' },
    );
    expect(again).toMatch(/^[\w-]{22}$/);
  });

  test('of a topic that does not exist cannot be had', async () => {
    await expect(topicId(client, uniqueName('topic'))).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  });
});

describe('the ends of a topic', () => {
  test('are asked for once for many callers, and no answer is older than its question', async () => {
    const name = await newTopic(client, 1);
    const appender = createAppender({ client, partitionCounts: new Map([[name, 1]]) });
    const end = createLogEnd(client, name);
    await end.ask();
    for (const round of countUpTo(20)) {
      const early = countUpTo(10).map(() => end.ask());
      await appender.append(record(name, 'k'));
      const late = await Promise.all(countUpTo(10).map(() => end.ask()));
      for (const ends of late) expect(ends.get(0)).toEqual({ low: 0, high: round + 1 });
      for (const ends of await Promise.all(early)) expect(ends.get(0)!.high).toBeGreaterThanOrEqual(round);
      expect(new Set(late).size).toBeLessThanOrEqual(2); // one for the first, one for all others
    }
    end.stop();
    await appender.stop();
  });

  test('are asked for again when the connection broke', async () => {
    const name = await newTopic(client, 1);
    const proxy = await startTcpProxy(broker());
    const end = createLogEnd(clientUnderTest({ socketFactory: proxy.socketFactory }), name);
    await end.ask();
    await proxy.down();
    await proxy.up();
    expect((await end.ask()).get(0)).toEqual({ low: 0, high: 0 });
    end.stop();
    await proxy.stop();
  });
});
