// tests/integration/log/reader-group.test.ts: several readers of one group share the partitions.
// Each partition has one reader at a time, what a reader keeps it goes on reading where it was, and what a dead one leaves behind is taken
// over.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAppender, type RunningAppender } from '../../../shared/log/append/appender.ts';
import { type LogClient, openSocket } from '../../../shared/log/connect/client.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { parseAddress, startFaultProxy } from '../../support/faults/network/fault-proxy.ts';
import { FIND_COORDINATOR, JOIN_GROUP, startTcpProxy } from '../../support/faults/tcp-proxy.ts';
import { quickest } from '../../support/quickest.ts';
import { broker, clientUnderTest, countUpTo, keyIn, newTopic, offsetsOf, readersUnderTest, record } from './log-under-test.ts';

const PARTITIONS = 4;
const ALL = countUpTo(PARTITIONS);
const SESSION_MS = 6_000; // group.ts

let client: LogClient;
let topic: string;
let groupId: string;
let appender: RunningAppender;
const { startReader, stopAll } = readersUnderTest(() => ({ client, topic, groupId }));

const appendToAll = (count: number): Promise<unknown> =>
  Promise.all(ALL.flatMap((partition) => countUpTo(count).map(() => appender.append(record(topic, keyIn(partition, PARTITIONS))))));

beforeEach(async () => {
  client = clientUnderTest();
  topic = await newTopic(client, PARTITIONS);
  groupId = uniqueName('group');
  appender = createAppender({ client, partitionCounts: new Map([[topic, PARTITIONS]]) });
});

afterEach(() => Promise.all([stopAll(), appender.stop()]));

test('a partition that is kept over a rebalance goes on where it was; one that moves begins where its new reader is told', async () => {
  const first = await startReader();
  await appendToAll(10);
  await eventually(() => first.records.length === 40, { what: 'the first reader to read all' });
  await first.reader.commit(new Map(ALL.map((partition) => [partition, { offset: 7 }])));
  const second = await startReader();
  await eventually(() => second.owned.size === 2 && first.owned.size === 2, { what: 'two partitions each' });
  await appendToAll(5);
  await eventually(() => first.records.length === 40 + 2 * 5 && second.records.length === 2 * 8, { what: 'both to read on' });
  for (const partition of first.owned) expect(offsetsOf(first.records, partition)).toEqual(countUpTo(15));
  for (const partition of second.owned) expect(offsetsOf(second.records, partition)).toEqual(countUpTo(15).slice(7));
  const kept = [...first.owned].map((partition) => first.calls.filter((call) => call.startsWith(`assigned ${partition}@`)).length);
  expect(kept).toEqual([1, 1]); // not named again
});

test('a reader that stops leaves at once: its partitions are taken over without waiting for its session', async () => {
  const first = await startReader();
  const takeOver = async () => {
    const second = await startReader();
    await eventually(() => second.owned.size === 2 && first.owned.size === 2, { what: 'two partitions each' });
    const startedAt = performance.now();
    await second.reader.stop();
    await eventually(() => first.owned.size === PARTITIONS, { what: 'the take-over' });
    return performance.now() - startedAt;
  };
  expect(await quickest(SESSION_MS, takeOver)).toBeLessThan(SESSION_MS);
});

test('the partitions of a reader that falls silent are taken over, and when it wakes it knows that it lost them', async () => {
  const proxy = await startTcpProxy(broker());
  try {
    const asleep = await startReader({}, { client: clientUnderTest({ socketFactory: proxy.socketFactory }) });
    const awake = await startReader();
    await eventually(() => asleep.owned.size === 2 && awake.owned.size === 2, { what: 'two partitions each' });
    const lost = [...asleep.owned];
    proxy.hold();
    await eventually(() => awake.owned.size === PARTITIONS, { what: 'the take-over' });
    await appendToAll(3);
    await eventually(() => awake.records.length === 12, { what: 'the successor to read' });
    expect(asleep.records).toEqual([]);
    proxy.release();
    await eventually(() => lost.every((partition) => asleep.calls.includes(`revoked ${partition}`)), { what: 'the loss to be told' });
    await eventually(() => asleep.owned.size === 2 && awake.owned.size === 2, { what: 'two partitions each again' });
  } finally {
    await stopAll();
    await proxy.stop();
  }
});

test('a reader whose connections are dead without having ended is back in its group within seconds', async () => {
  const proxy = await startFaultProxy(broker());
  const through = parseAddress(proxy.address);
  try {
    const alone = await startReader({}, { client: clientUnderTest({ socketFactory: (args) => openSocket({ ...args, ...through }) }) });
    await eventually(() => alone.owned.size === PARTITIONS, { what: 'all partitions' });
    expect(proxy.vanish()).toBeGreaterThan(1);
    proxy.heal(); // for new connections: those that there were stay dead
    await appendToAll(3);
    // Twelve seconds of silence, and joining again. kafkajs by itself goes on asking there for more than a minute.
    await eventually(() => alone.records.length === 12, { what: 'what has been appended meanwhile', timeoutMs: 30_000 });
  } finally {
    await stopAll();
    await proxy.stop();
  }
});

test('a reader that cannot find its coordinator, because the broker just starts, tries until it can', async () => {
  const proxy = await startTcpProxy(broker());
  let cut = 0;
  try {
    proxy.onResponse((apiKey) => (apiKey === FIND_COORDINATOR && cut++ < 3 ? 'cut' : 'pass'));
    const alone = await startReader({}, { client: clientUnderTest({ socketFactory: proxy.socketFactory }) });
    await eventually(() => alone.owned.size === PARTITIONS, { what: 'all partitions' });
    expect(cut).toBeGreaterThan(3);
    expect(alone.errors).toEqual([]);
  } finally {
    await stopAll();
    await proxy.stop();
  }
});

test('a reader whose membership the broker refuses ends with what the broker says', async () => {
  const proxy = await startTcpProxy(broker());
  const GROUP_AUTHORIZATION_FAILED = 30;
  const ERROR_CODE_AT = 12; // length, correlation id, throttle time
  try {
    proxy.onResponse((apiKey, frame) => {
      if (apiKey === JOIN_GROUP) frame.writeInt16BE(GROUP_AUTHORIZATION_FAILED, ERROR_CODE_AT);
      return 'pass';
    });
    const refused = await startReader({}, { client: clientUnderTest({ socketFactory: proxy.socketFactory }) });
    await eventually(() => refused.errors.length > 0, { what: 'the refusal' });
    expect(refused.errors[0]?.message).toContain('Not authorized to access group');
  } finally {
    await stopAll();
    await proxy.stop();
  }
});

test('readers that come all at once end up with one reader for every partition, and every record is read', async () => {
  await appendToAll(20);
  const readers = await Promise.all(countUpTo(3).map(() => startReader()));
  await eventually(
    () => {
      const owned = readers.flatMap((reader) => [...reader.owned]).sort();
      return owned.join() === ALL.join() && readers.every((reader) => reader.owned.size > 0);
    },
    { what: 'one reader for every partition' },
  );
  await appendToAll(1);
  await eventually(
    () => readers.every(({ owned, records }) => [...owned].every((partition) => offsetsOf(records, partition).at(-1) === 20)),
    {
      what: 'every partition to be read to its end by its reader',
    },
  );
  for (const { owned, records } of readers)
    for (const partition of owned) expect(offsetsOf(records, partition).slice(-21)).toEqual(countUpTo(21));
});

test('a reader without a partition is healthy: it shows progress', async () => {
  const readers = await Promise.all(countUpTo(PARTITIONS + 1).map(() => startReader()));
  const idle = await eventually(
    () => {
      const without = readers.filter(({ owned }) => owned.size === 0);
      return without.length === 1 ? without[0] : null;
    },
    { what: 'one reader to be left over' },
  );
  const since = performance.now();
  await eventually(() => idle.reader.lastFetchAt() > since, { what: 'progress of the idle reader' });
});

test('the group of a sole member that never commits vanishes with it', async () => {
  const { calls, reader } = await startReader({}, { soleMember: true });
  await eventually(() => calls.length === PARTITIONS, { what: 'the assignment' });
  const known = () => client.withAdmin(async (admin) => (await admin.listGroups()).groups.some((group) => group.groupId === groupId));
  expect(await known()).toBe(true);
  await reader.stop();
  const state = await client.withAdmin(async (admin) => (await admin.describeGroups([groupId])).groups[0]?.state);
  expect(['Empty', 'Dead']).toContain(state); // an empty group without offsets is deleted at the broker's next clean-up
});
