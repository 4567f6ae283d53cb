// tests/integration/log/appender.test.ts: what the appender promises its callers.
// A position that is true, "unknown" only when it is, and "never sent" only when it was not.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AppenderOptions, createAppender, type RunningAppender } from '../../../shared/log/append/appender.ts';
import { createLogClient, type LogClient } from '../../../shared/log/connect/client.ts';
import type { Position } from '../../../shared/log/log.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { PRODUCE, startTcpProxy, type TcpProxy } from '../../support/faults/tcp-proxy.ts';
import { quickest } from '../../support/quickest.ts';
import { broker, clientUnderTest, countUpTo, keysOf, newTopic, offsetsOf, readAll, record } from './log-under-test.ts';

const PARTITIONS = 4;
const WAIT_MAX_MS = 10_000; // APPEND_WAIT_MAX_MS

let direct: LogClient;
let topic: string;
let appenders: RunningAppender[];

const appenderOn = (client: LogClient, options: Partial<AppenderOptions> = {}): RunningAppender => {
  const appender = createAppender({ client, partitionCounts: new Map([[topic, PARTITIONS]]), ...options });
  appenders.push(appender);
  return appender;
};

beforeEach(async () => {
  direct = clientUnderTest();
  topic = await newTopic(direct, PARTITIONS);
  appenders = [];
});

afterEach(() => Promise.all(appenders.map((appender) => appender.stop())));

describe('with a broker that is there', () => {
  test('each of 500 concurrent callers gets the position where its record is', async () => {
    const rounds: number[] = [];
    const appender = appenderOn(direct, { onBatch: ({ records }) => rounds.push(records) });
    const keys = countUpTo(500).map((index) => `key-${index}`);
    const positions = await Promise.all(keys.map((key) => appender.append(record(topic, key))));
    const found = new Map((await readAll(direct, topic)).map((one) => [`${one.partition}@${one.offset}`, String(one.value)]));
    expect(found.size).toBe(500);
    for (const [index, { partition, offset }] of positions.entries()) expect(found.get(`${partition}@${offset}`)).toBe(keys[index]);
    expect(rounds.length).toBeLessThan(5); // they shared requests
  });

  test('records of one key are in the log in the order in which they were appended', async () => {
    const appender = appenderOn(direct);
    await Promise.all(countUpTo(1_200).map((index) => appender.append(record(topic, 'one-key', String(index)))));
    const values = (await readAll(direct, topic)).map(({ value }) => Number(value));
    expect(values).toEqual(countUpTo(1_200));
  });

  test('text that is not ASCII, bytes, empty values and null survive', async () => {
    const appender = appenderOn(direct);
    const value = Buffer.from([0, 255, 128, 10]);
    await appender.append({ topic, key: 'ключ-🔑', value, headers: { ce_имя: 'значение', raw: Buffer.from([1, 2, 255]), empty: '' } });
    await appender.append({ topic, key: null, value: null, headers: {} });
    const [odd, none] = (await readAll(direct, topic)).sort((one) => (one.key === null ? 1 : -1));
    expect(odd).toMatchObject({ key: Buffer.from('ключ-🔑'), value });
    expect(odd!.headers).toEqual({ ce_имя: Buffer.from('значение'), raw: Buffer.from([1, 2, 255]), empty: Buffer.alloc(0) });
    expect(none).toMatchObject({ key: null, value: null, headers: {} });
  });

  test('a record that is too large is refused alone', async () => {
    const appender = appenderOn(direct);
    const huge = appender.append(record(topic, 'huge', 'x'.repeat(1_000_000)));
    const others = Promise.all(countUpTo(20).map((index) => appender.append(record(topic, `small-${index}`))));
    await expect(huge).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' });
    await expect(others).resolves.toHaveLength(20);
  });

  test('large records are spread over several requests, each of which the broker takes', async () => {
    const appender = appenderOn(direct);
    await Promise.all(countUpTo(12).map((index) => appender.append(record(topic, 'one-key', `${index}`.padEnd(400_000, '.')))));
    expect(await readAll(direct, topic)).toHaveLength(12);
  });

  test('a gap between rounds lets a steady trickle share requests, and a lone record goes at once', async () => {
    const rounds: number[] = [];
    const appender = appenderOn(direct, { minSendGapMs: 300, onBatch: ({ records }) => rounds.push(records) });
    await appender.append(record(topic, 'warm-up'));
    await eventually(() => rounds.length === 1, { what: 'the first round' });
    const trickle = async () => {
      await new Promise((resolve) => setTimeout(resolve, 350)); // an idle spell is a time, there is nothing to wait for
      rounds.length = 0;
      const startedAt = performance.now();
      await appender.append(record(topic, 'alone'));
      const took = performance.now() - startedAt;
      const first = appender.append(record(topic, 'second'));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await Promise.all([first, appender.append(record(topic, 'third'))]);
      // Where the lone record or the pause took longer than the gap nothing is left of it for the two to share.
      return performance.now() - startedAt > 600 || rounds.length > 2 ? Number.POSITIVE_INFINITY : took;
    };
    expect(await quickest(250, trickle)).toBeLessThan(250);
    expect(rounds).toEqual([1, 2]);
  });

  test.each([-5, 5])('a clock that is off by %i hours stops no append', async (hours) => {
    const appender = appenderOn(direct);
    const clock = vi
      .spyOn(Date, 'now')
      .mockImplementation(() => Math.trunc(performance.timeOrigin + performance.now()) + hours * 3_600_000);
    try {
      await expect(appender.append(record(topic, 'one'))).resolves.toMatchObject({ offset: 0 });
    } finally {
      clock.mockRestore();
    }
    const [found] = await readAll(direct, topic);
    expect(Math.abs(found!.timestamp - Date.now()), 'the record carries the time of the log').toBeLessThan(60_000);
  });

  test('stopping sends what is queued and takes no more', async () => {
    const appender = appenderOn(direct);
    const queued = Promise.all(countUpTo(2_000).map((index) => appender.append(record(topic, `key-${index}`))));
    await appender.stop();
    await expect(queued).resolves.toHaveLength(2_000);
    await expect(appender.append(record(topic, 'late'))).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  });
});

describe('with a connection that breaks', () => {
  let proxy: TcpProxy;
  let client: LogClient;

  beforeEach(async () => {
    proxy = await startTcpProxy(broker());
    client = clientUnderTest({ socketFactory: proxy.socketFactory });
    return () => proxy.stop();
  });

  const hitFirstProduce = (fault: 'cut' | 'swallow'): void => {
    let hit = false;
    proxy.onResponse((apiKey) => {
      if (hit || apiKey !== PRODUCE) return 'pass';
      hit = true;
      return fault;
    });
  };

  test('a record whose answer was lost is "unknown", is in the log once, and the next append of the same size is really there', async () => {
    const appender = appenderOn(client);
    hitFirstProduce('cut');
    await expect(appender.append(record(topic, 'one'))).rejects.toMatchObject({ code: 'APPEND_OUTCOME_UNKNOWN', retryable: true });
    const position = await appender.append(record(topic, 'two'));
    const found = await readAll(direct, topic);
    expect(keysOf(found).sort()).toEqual(['one', 'two']);
    expect(found).toContainEqual(expect.objectContaining({ ...position, key: Buffer.from('two') }));
  });

  /** Changes the answer for the one partition of the first Produce; where its fields begin follows from the format (produce.ts). */
  const changeFirstAnswer = (change: (answer: Buffer) => void): void => {
    let changed = false;
    proxy.onResponse((apiKey, frame) => {
      if (!changed && apiKey === PRODUCE) change(frame.subarray(18 + topic.length)); // partition int32, error code int16, …
      changed ||= apiKey === PRODUCE;
      return 'pass';
    });
  };

  test('a leader that moves is bridged: the caller gets the position of the copy that was confirmed', async () => {
    const appender = appenderOn(client);
    changeFirstAnswer((answer) => answer.writeInt16BE(6, 4)); // NOT_LEADER, although it was written: that happens too
    const position = await appender.append(record(topic, 'one'));
    const copies = await readAll(direct, topic);
    expect(keysOf(copies)).toEqual(['one', 'one']);
    expect(position).toMatchObject({ partition: copies[1]!.partition, offset: copies[1]!.offset });
  });

  test.each([
    ['an answer for another partition', (answer: Buffer) => answer.writeInt32BE(PARTITIONS, 0)],
    ['an error that says nothing', (answer: Buffer) => answer.writeInt16BE(-1, 4)],
    ['an answer without an offset', (answer: Buffer) => answer.writeBigInt64BE(-1n, 6)],
  ])('%s is no confirmation', async (_, change) => {
    const appender = appenderOn(client);
    changeFirstAnswer(change);
    await expect(appender.append(record(topic, 'one'))).rejects.toMatchObject({ code: 'APPEND_OUTCOME_UNKNOWN' });
    await expect(appender.append(record(topic, 'two'))).resolves.toMatchObject({ topic });
    expect(keysOf(await readAll(direct, topic)).sort()).toEqual(['one', 'two']);
  });

  test('all callers of a round in doubt are told so, and callers behind them are served by the next', async () => {
    const appender = appenderOn(client);
    await appender.append(record(topic, 'warm-up'));
    hitFirstProduce('cut');
    const outcomes = await Promise.allSettled(countUpTo(700).map((index) => appender.append(record(topic, `key-${index}`))));
    expect(outcomes.slice(0, 500).every(({ status }) => status === 'rejected')).toBe(true);
    const served = outcomes.slice(500);
    expect(served.every(({ status }) => status === 'fulfilled')).toBe(true);
    const there = new Set((await readAll(direct, topic)).map((one) => `${one.partition}@${one.offset}=${one.key}`));
    for (const [index, outcome] of served.entries()) {
      const { partition, offset } = (outcome as PromiseFulfilledResult<Position>).value;
      expect(there).toContain(`${partition}@${offset}=key-${500 + index}`);
    }
  });

  test('a broker that falls silent makes the round unknown, and whoever waited too long behind it was never sent', async () => {
    const appender = appenderOn(client);
    await appender.append(record(topic, 'warm-up'));
    hitFirstProduce('swallow');
    const inDoubt = appender.append(record(topic, 'in doubt')).catch((error) => error);
    await eventually(async () => (await readAll(direct, topic)).length === 2, { what: 'the record whose answer is lost' });
    proxy.hold();
    const behind = appender.append(record(topic, 'behind')).catch((error) => error);
    expect(await inDoubt).toMatchObject({ code: 'APPEND_OUTCOME_UNKNOWN' });
    expect(await behind).toMatchObject({ code: 'LOG_UNAVAILABLE' });
    proxy.release();
    await proxy.down();
    await proxy.up();
    await appender.append(record(topic, 'after'));
    expect(keysOf(await readAll(direct, topic)).sort()).toEqual(['after', 'in doubt', 'warm-up']);
  });

  test('while no broker can be reached callers wait, and go through in order when it is back', async () => {
    const appender = appenderOn(client);
    await appender.append(record(topic, 'one-key', '0'));
    await proxy.down();
    const outcomes = Promise.allSettled(countUpTo(50).map((index) => appender.append(record(topic, 'one-key', String(index + 1)))));
    await new Promise((resolve) => setTimeout(resolve, 2_000)); // the length of the outage
    await proxy.up();
    const refused = (await outcomes).filter(({ status }) => status === 'rejected');
    expect(refused).toEqual([]);
    expect((await readAll(direct, topic)).map(({ value }) => Number(value))).toEqual(countUpTo(51));
  });

  test('who waits longer than 10 s for a broker is told that nothing was sent, and nothing was', async () => {
    const appender = appenderOn(client);
    await proxy.down();
    const started = Date.now();
    await expect(appender.append(record(topic, 'never'))).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    expect(Date.now() - started).toBeGreaterThanOrEqual(WAIT_MAX_MS - 100);
    await proxy.up();
    await appender.append(record(topic, 'later'));
    expect(keysOf(await readAll(direct, topic))).toEqual(['later']);
  });

  test('a queue that is full refuses at once', async () => {
    const appender = appenderOn(client);
    await proxy.down();
    const waiting = Promise.allSettled(countUpTo(20_000).map((index) => appender.append(record(topic, `key-${index}`))));
    await expect(appender.append(record(topic, 'one too many'))).rejects.toMatchObject({ code: 'LOG_OVERLOADED' });
    await appender.stop();
    const outcomes = await waiting;
    expect(outcomes.every((one) => one.status === 'rejected' && one.reason.code === 'LOG_UNAVAILABLE')).toBe(true);
    expect(await readAll(direct, topic)).toEqual([]);
  });
});

test('a broker that never was there is waited for without a busy loop, and stopping does not wait for it', async () => {
  const silent = () => undefined;
  const logger = { debug: silent, info: silent, warn: silent, error: silent };
  const nowhere = createLogClient({ brokers: ['127.0.0.1:1'], clientId: uniqueName('test'), logger });
  const appender = appenderOn(nowhere);
  const [before, since] = [process.cpuUsage(), performance.now()];
  const outcome = appender.append(record(topic, 'nowhere')).catch((error) => error);
  await new Promise((resolve) => setTimeout(resolve, 2_000)); // what is measured is the time itself
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(0.25 * (performance.now() - since));
  await appender.stop();
  expect(await outcome).toMatchObject({ code: 'LOG_UNAVAILABLE' });
  expect(offsetsOf(await readAll(direct, topic), 0)).toEqual([]);
});
