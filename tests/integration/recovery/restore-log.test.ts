// The log from the archive, on a real broker and a real database: what is appended, where, and when nothing is.

import { Kafka, logLevel } from 'kafkajs';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { rebuild } from '../../../projector/rebuild/rebuild.ts';
import { verify } from '../../../projector/verify/verify.ts';
import type { RecordToAppend } from '../../../shared/log/log.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { hitAnswers } from '../../support/faults/network/injections.ts';
import { PRODUCE } from '../../support/faults/network/kafka-frames.ts';
import { startKafkaProxy } from '../../support/faults/network/kafka-proxy.ts';
import { broker, clientUnderTest, cutOff } from '../log/log-under-test.ts';
import { histories } from '../projector/histories.ts';
import { newProjection, PARTITIONS, type Projection } from '../projector/projection.ts';
import { closeAll } from '../projector/read-model.ts';
import { bytesOf, deleteTopic, restoreTopic, topicNames } from './lost-topic.ts';

let projection: Projection;
afterEach(async () => {
  await projection.stop();
  await closeAll();
});

const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

/** Records that an encoder could get wrong. */
const oddRecords = (topic: string): RecordToAppend[] => [
  { topic, partition: 0, key: null, value: null, headers: {} },
  { topic, partition: 0, key: bytes, value: Buffer.concat([bytes, bytes]), headers: { empty: '', 'x-binär': bytes } },
  { topic, partition: 1, key: '', value: '', headers: {} },
  {
    topic,
    partition: 2,
    key: 'headers',
    value: '{}',
    headers: {},
    exactHeaders: [
      [Buffer.from('twice'), Buffer.from('one')],
      [Buffer.from('twice'), null],
      [Buffer.of(0xff, 0xfe), Buffer.from('no text')],
      [Buffer.from('7'), Buffer.from('a number')],
      [Buffer.from(''), Buffer.alloc(0)],
      ...Array.from({ length: 100 }, (_, index) => [Buffer.from(`h${index}`), Buffer.from('x'.repeat(index))] as const),
    ],
  },
  { topic, partition: 2, key: 'large', value: Buffer.alloc(890_000, 'l'), headers: {} },
];

/** A log with all kinds of records, archived to its end, whose projector has stopped. */
const archived = async (orders = 120) => {
  projection = await newProjection();
  const projector = await projection.start();
  await projection.append(histories(orders, 31));
  await projection.appendRaw(oddRecords(projection.topic));
  await projection.append(histories(orders, 32));
  await projection.caughtUp();
  await projector.stop();
  return { ...projection, before: bytesOf(await projection.readAll(projection.topic)) };
};

const now = async () => bytesOf(await projection.readAll(projection.topic));

const verified = () =>
  verify({ client: projection.client, topic: projection.topic, databaseUrl: inject('stack').database, schema: projection.database.schema });
const rebuilt = () =>
  rebuild({
    client: projection.client,
    topic: projection.topic,
    databaseUrl: inject('stack').database,
    schema: projection.database.schema,
  });

describe('a topic that was deleted', () => {
  it('is made again with the same records at the same offsets, byte for byte', async () => {
    const { client, topic, before } = await archived();
    await deleteTopic(client, topic);
    const held: string[][] = [];
    const result = await restoreTopic(projection, { beforeAppending: async () => void held.push(await topicNames(client)) });
    expect(await now()).toEqual(before);
    expect(result).toMatchObject({
      archived: before.length,
      found: 0,
      appended: before.length,
      moved: 0,
      leftOutCount: 0,
      missing: 0,
      others: 0,
    });
    expect(held).toHaveLength(1);
    expect(await restoreTopic(projection)).toMatchObject({ found: before.length, appended: 0 });
    await rebuilt();
    expect(await verified()).toMatchObject({ drift: 0, events: before.length });
  });

  it('is left as it is by a dry run, which says what there would be', async () => {
    const { client, topic, before } = await archived(20);
    await deleteTopic(client, topic);
    const hold = async (): Promise<void> => Promise.reject(new Error('a dry run holds nothing'));
    expect(await restoreTopic(projection, { dryRun: true, beforeAppending: hold })).toMatchObject({ appended: before.length, moved: 0 });
    expect(await topicNames(client)).not.toContain(topic);
    await ensureTopics({ client, topics: [{ name: topic, partitions: PARTITIONS }], replicationFactor: 1, minInsyncReplicas: 1 });
    expect(await restoreTopic(projection, { dryRun: true, beforeAppending: hold })).toMatchObject({ appended: before.length, moved: 0 });
    expect(await now()).toEqual([]);
  });

  it('gets nothing where nothing may be appended, and the rest after an interruption', async () => {
    const { client, topic, before } = await archived(1_000);
    await deleteTopic(client, topic);
    await expect(restoreTopic(projection, { beforeAppending: () => Promise.reject(new Error('not now')) })).rejects.toThrow('not now');
    expect(await now()).toEqual([]);
    const stopping = new AbortController();
    const stopped = new Error('stopped');
    const onProgress = ({ done }: { done: number }): void => {
      if (done > 0) stopping.abort(stopped);
    };
    await expect(restoreTopic(projection, { signal: stopping.signal, onProgress })).rejects.toBe(stopped);
    const half = (await now()).length;
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(before.length);
    expect(await restoreTopic(projection)).toMatchObject({ found: half, appended: before.length - half, moved: 0 });
    expect(await now()).toEqual(before);
  });
});

describe('a topic that was deleted, over a network that loses answers', () => {
  it('is the same log again, nothing twice', async () => {
    const { client, topic, before } = await archived(1_000);
    await deleteTopic(client, topic);
    const proxy = await startKafkaProxy(broker());
    try {
      const lost = hitAnswers(proxy, PRODUCE, { every: 2, verdict: 'cut' });
      const result = await restoreTopic({ ...projection, client: clientUnderTest({ brokers: [proxy.address] }) });
      expect(result).toMatchObject({ appended: before.length, moved: 0, others: 0 });
      expect(lost.count).toBeGreaterThan(2);
    } finally {
      await proxy.stop();
    }
    expect(await now()).toEqual(before);
  });
});

describe('a topic that has gone on after a loss', () => {
  it('keeps what it has, and gets what it lacks behind that, once', async () => {
    const { client, topic, before } = await archived();
    await deleteTopic(client, topic);
    await ensureTopics({ client, topics: [{ name: topic, partitions: PARTITIONS }], replicationFactor: 1, minInsyncReplicas: 1 });
    const kept = before.filter(({ offset }) => offset < 50);
    await projection.appendRaw(
      kept.map(({ partition, key, value, headers }) => ({ topic, partition, key, value, headers: {}, exactHeaders: headers })),
    );
    await projection.append(histories(20, 33));
    const after = await now();
    const missing = before.length - kept.length;
    expect(await restoreTopic(projection, { dryRun: true })).toMatchObject({ found: kept.length, appended: missing });
    expect(await restoreTopic(projection)).toMatchObject({ found: kept.length, appended: missing, moved: missing, others: 0 });
    const log = await now();
    expect(log.filter(({ partition, offset }) => after.some((each) => each.partition === partition && each.offset === offset))).toEqual(
      after,
    );
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const of = (records: typeof before) => records.filter((each) => each.partition === partition);
      const contents = (records: typeof before) => records.map(({ offset: _, ...rest }) => rest);
      expect(contents(of(log).slice(of(after).length))).toEqual(contents(of(before).filter(({ offset }) => offset >= 50)));
    }
    expect(await restoreTopic(projection)).toMatchObject({ appended: 0 });
    await rebuilt();
    expect(await verified()).toMatchObject({ drift: 0, events: log.length });
  });
});

describe('a log', () => {
  it('that has lost nothing gets nothing', async () => {
    const { before } = await archived(10);
    await projection.append(histories(5, 34));
    const log = await now();
    expect(await restoreTopic(projection)).toMatchObject({ archived: before.length, found: before.length, appended: 0, moved: 0 });
    expect(await now()).toEqual(log);
  });

  it('that has lost its beginning gets nothing behind what is left, and is whole when it was deleted', async () => {
    const { client, topic, before } = await archived(30);
    await cutOff(client, topic, 1, 7);
    await expect(restoreTopic(projection)).rejects.toThrow(
      `${topic}/1 begins at offset 7. Nothing was appended. The archive reaches the log's end`,
    );
    await projection.appendRaw([{ topic, partition: 1, key: 'more', value: null, headers: {} }]);
    await expect(restoreTopic(projection)).rejects.toThrow('does not have the last 1 records');
    await deleteTopic(client, topic);
    await restoreTopic(projection);
    expect(await now()).toEqual(before);
  });

  it('is left alone while a projector runs, and where the archive is of another number of partitions, or of none', async () => {
    const { topic, client } = await archived(10);
    const projector = await projection.start();
    await expect(restoreTopic(projection)).rejects.toMatchObject({ code: 'ROLES_RUNNING' });
    expect(await restoreTopic(projection, { dryRun: true })).toMatchObject({ appended: 0 });
    await projector.stop();
    const log = await now();
    const other = { topic: { name: topic, partitions: PARTITIONS + 1 } };
    await expect(restoreTopic(projection, other)).rejects.toThrow(
      `with ${PARTITIONS} partitions, and ORDERS_PARTITIONS is ${PARTITIONS + 1}`,
    );
    const none = { topic: { name: uniqueName('orders'), partitions: PARTITIONS } };
    await expect(restoreTopic(projection, none)).rejects.toThrow('holds no archive of the topic');
    expect(await topicNames(client)).not.toContain(none.topic.name);
    expect(await now()).toEqual(log);
  });

  it('gets no batch back that nobody opens, and is told which', async () => {
    const { client, topic } = await archived(10);
    const before = await logEnd(client, topic);
    const kafka = new Kafka({ clientId: 'foreign', brokers: [inject('stack').kafka], logLevel: logLevel.NOTHING });
    const producer = kafka.producer({ transactionalId: uniqueName('tx'), idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: Array.from({ length: 3 }, () => ({ key: 'k', partition: 0, value: 'v' })) });
    await transaction.commit();
    await producer.disconnect();
    const at = before.get(0)!.high;
    // The marker is written after the producer was told.
    await eventually(async () => (await logEnd(client, topic)).get(0)!.high === at + 4, { what: 'the marker' });
    await projection.appendRaw([{ topic, partition: 0, key: null, value: 'behind', headers: {} }]);
    const projector = await projection.start();
    await projection.caughtUp();
    await projector.stop();
    await deleteTopic(client, topic);
    const result = await restoreTopic(projection);
    expect(result).toMatchObject({ moved: 1, leftOutCount: 2, missing: 0 });
    expect(result.leftOut).toEqual([at, at + 3].map((offset) => ({ partition: 0, offset, because: 'UNOPENED_BATCH' })));
    expect((await now()).filter(({ partition }) => partition === 0).at(-1)).toMatchObject({ offset: at, value: Buffer.from('behind') });
    expect(await restoreTopic(projection)).toMatchObject({ appended: 0, leftOutCount: 2 });
  });
});
