// tests/integration/log/extra-partitions.test.ts: a topic with more partitions than the client is configured for.
// What stands in those is none of ours: no reader is given it, and the ends of the log do not have it.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { refuseForeignRecords } from '../../../shared/log/topics/refuse-foreign-records.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { addPartitions, appendTo, clientUnderTest, countUpTo, keysOf, newTopic, readersUnderTest } from './log-under-test.ts';

const PARTITIONS = 3;
const ALL = PARTITIONS + 3;

let topic: string;
let configured: LogClient;
const { startReader, stopAll } = readersUnderTest(() => ({ client: configured, topic }));

beforeEach(async () => {
  const client = clientUnderTest();
  topic = await newTopic(client, PARTITIONS);
  await addPartitions(client, topic, ALL);
  configured = clientUnderTest({ partitionCounts: new Map([[topic, PARTITIONS]]) });
});
afterEach(stopAll);

test('readers are not given those, and are healthy also if they have no other', async () => {
  await appendTo(configured, topic, countUpTo(ALL));
  const groupId = uniqueName('group');
  const readers = await Promise.all(countUpTo(ALL).map(() => startReader({}, { groupId })));
  await eventually(() => readers.filter(({ owned }) => owned.size === 1).length === PARTITIONS, { what: 'one reader for each of ours' });
  const read = () => new Set(readers.flatMap(({ records }) => keysOf(records)));
  await eventually(() => read().size >= PARTITIONS && readers.every(({ reader }) => reader.isSettled()), { what: 'all to be read' });
  const since = performance.now();
  await eventually(() => readers.every(({ reader }) => reader.lastFetchAt() > since), { what: 'progress of all' });
  expect(read()).toEqual(new Set(countUpTo(PARTITIONS).map((partition) => `in-${partition}`)));
  expect(readers.flatMap(({ calls }) => calls).filter((call) => / [345]@/.test(call))).toEqual([]);
  expect(readers.flatMap(({ errors }) => errors)).toEqual([]);
});

test('the ends of the log do not have them', async () => {
  await appendTo(configured, topic, [1, 4]);
  expect([...(await logEnd(configured, topic))].sort()).toEqual([
    [0, { low: 0, high: 0 }],
    [1, { low: 0, high: 1 }],
    [2, { low: 0, high: 0 }],
  ]);
  expect((await logEnd(clientUnderTest(), topic)).size).toBe(ALL); // for a client that is not configured, all are ours
});

test('tools refuse them as soon as something stands there, also where only their own configuration is wrong', async () => {
  await appendTo(configured, topic, [0, 1, 2]);
  await refuseForeignRecords(configured);
  await refuseForeignRecords(clientUnderTest({ partitionCounts: new Map([[topic, ALL + 6]]) })); // made with another number: read as it is
  await refuseForeignRecords(clientUnderTest({ partitionCounts: new Map([[uniqueName('none'), 1]]) }));
  await appendTo(configured, topic, [4]);
  const refusal = expect.stringContaining(`${topic}: partitions is 6, wanted 3; the others hold 1 record (1 in ${topic}/4). Run this with`);
  await expect(refuseForeignRecords(configured)).rejects.toMatchObject({ code: 'TOPIC_MISCONFIGURED', message: refusal });
});
