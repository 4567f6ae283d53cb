// tests/integration/log/read-range.test.ts: a stretch of the log is read exactly: not one record more or less, in order.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAppender, type RunningAppender } from '../../../shared/log/append/appender.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { readRange } from '../../../shared/log/read/read-range.ts';
import { eventually } from '../../support/eventually.ts';
import { FETCH, startTcpProxy } from '../../support/faults/tcp-proxy.ts';
import { broker, clientUnderTest, countUpTo, cutOff, keyIn, newTopic, offsetsOf, record } from './log-under-test.ts';

const PARTITIONS = 3;
const EACH = 2_000;

let client: LogClient;
let topic: string;
let appender: RunningAppender;

beforeEach(async () => {
  client = clientUnderTest();
  topic = await newTopic(client, PARTITIONS);
  appender = createAppender({ client, partitionCounts: new Map([[topic, PARTITIONS]]) });
  const keys = countUpTo(PARTITIONS).map((partition) => keyIn(partition, PARTITIONS));
  await Promise.all(keys.flatMap((key) => countUpTo(EACH).map((index) => appender.append(record(topic, key, `${index}`)))));
});
afterEach(() => appender.stop());

const read = async (from: [number, number][], to: [number, number][], through = client): Promise<LogRecord[]> => {
  const records: LogRecord[] = [];
  await readRange({ client: through, topic, from: new Map(from), to: new Map(to), onRecords: (_, some) => void records.push(...some) });
  return records;
};

test('reads from the first offset to just before the last, of the named partitions only', async () => {
  const records = await read(
    [
      [0, 0],
      [2, 777],
    ],
    [
      [0, 1],
      [2, 1_234],
    ],
  );
  expect(offsetsOf(records, 0)).toEqual([0]);
  expect(offsetsOf(records, 1)).toEqual([]);
  expect(offsetsOf(records, 2)).toEqual(countUpTo(1_234).slice(777));
  expect(records.every(({ value, offset }) => String(value) === String(offset))).toBe(true);
});

test('an empty stretch is read at once', async () => {
  expect(
    await read(
      [
        [0, 5],
        [1, 0],
      ],
      [
        [0, 5],
        [1, 0],
      ],
    ),
  ).toEqual([]);
  expect(await read([], [])).toEqual([]);
});

test('a promise holds back its partition, and the reading ends only when all has been handled', async () => {
  const held = Promise.withResolvers<void>();
  const seen = new Map<number, number>();
  let ended = false;
  const reading = readRange({
    client,
    topic,
    from: new Map([
      [0, 0],
      [1, 0],
    ]),
    to: new Map([
      [0, EACH],
      [1, EACH],
    ]),
    onRecords: (partition, some) => {
      seen.set(partition, (seen.get(partition) ?? 0) + some.length);
      return partition === 0 ? held.promise : undefined;
    },
  }).then(() => {
    ended = true;
  });
  await eventually(() => seen.get(1) === EACH && seen.has(0), { what: 'the other partition to be read' });
  expect(ended).toBe(false);
  held.resolve();
  await reading;
  expect(seen.get(0)).toBe(EACH);
});

test('an error of the handler ends the reading with that error', async () => {
  const failing = readRange({
    client,
    topic,
    from: new Map([[0, 0]]),
    to: new Map([[0, EACH]]),
    onRecords: () => Promise.reject(new Error('no')),
  });
  await expect(failing).rejects.toThrow('no');
});

test('a stretch that is not in the log is refused, at its beginning and at its end', async () => {
  await expect(read([[0, 0]], [[0, EACH + 1]])).rejects.toMatchObject({ code: 'LOG_GAP' });
  await cutOff(client, topic, 1, 100);
  await expect(read([[1, 99]], [[1, EACH]])).rejects.toMatchObject({ code: 'LOG_GAP' });
  expect(await read([[1, 100]], [[1, EACH]])).toHaveLength(EACH - 100);
});

test('broken connections in between change nothing', async () => {
  const proxy = await startTcpProxy(broker());
  let fetches = 0;
  proxy.onResponse((apiKey) => (apiKey === FETCH && fetches++ === 0 ? 'cut' : 'pass'));
  const records = await read([[0, 0]], [[0, EACH]], clientUnderTest({ socketFactory: proxy.socketFactory }));
  expect(offsetsOf(records, 0)).toEqual(countUpTo(EACH));
  expect(fetches).toBeGreaterThan(1);
  await proxy.stop();
});

test('it can be ended from outside', async () => {
  const ending = new AbortController();
  const reading = readRange({
    client,
    topic,
    from: new Map([[0, 0]]),
    to: new Map([[0, EACH]]),
    onRecords: () => new Promise(() => undefined),
    signal: ending.signal,
  });
  ending.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
});
