// R17 on a real broker: readers that lost their broker, and come back to a log that is not the one they have read.
// A broker of its own is killed, and the end of its log is cut off before it starts again.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAppender, type RunningAppender } from '../../../shared/log/append/appender.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { followLog } from '../../../shared/log/read/follow.ts';
import { readRange } from '../../../shared/log/read/read-range.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import { eventually } from '../../support/eventually.ts';
import { loseEnd } from '../../support/faults/cut-log.ts';
import { type OwnEnvironment, startOwnEnvironment } from '../../support/stack/own-environment.ts';
import { endAndAwait } from '../../support/stack/service/kept-process.ts';
import { clientUnderTest, countUpTo, newTopic, offsetsOf, readersUnderTest, record } from '../log/log-under-test.ts';

let environment: OwnEnvironment;
beforeAll(async () => {
  environment = await startOwnEnvironment();
});
afterAll(() => environment?.stop());

let client: LogClient;
let topic: string;
let appender: RunningAppender;
const { startReader, stopAll } = readersUnderTest(() => ({ client, topic, soleMember: true }));

beforeEach(async () => {
  client = clientUnderTest({ brokers: [environment.kafka] });
  topic = await newTopic(client, 1);
  appender = openAppender();
});
afterEach(() => Promise.all([stopAll(), appender.stop()]));

const openAppender = (): RunningAppender => createAppender({ client, partitionCounts: new Map([[topic, 1]]) });
/** One batch each, so that the log can be cut between any two. */
const append = async (from: number, to: number, name: string): Promise<void> => {
  for (let n = from; n < to; n += 1) await appender.append(record(topic, `${name}-${n}`));
};
const mismatch = (detail: string) => [expect.objectContaining({ code: 'LOG_MISMATCH', message: expect.stringContaining(detail) })];

describe('a reader whose broker comes back', () => {
  test('with all of its log goes on, nothing lost or doubled', async () => {
    const { records, errors } = await startReader();
    await append(0, 10, 'old');
    await eventually(() => records.length === 10, { what: 'the records before' });
    await endAndAwait(environment.broker);
    await append(10, 20, 'new');
    await eventually(() => records.length >= 20, { what: 'the records after' });
    expect(offsetsOf(records, 0)).toEqual(countUpTo(20));
    expect(errors).toEqual([]);
  });

  test('without the end of its log, grown past what was read, ends before it is given a record of it', async () => {
    const held = Promise.withResolvers<void>();
    const seen: LogRecord[] = [];
    const { errors } = await startReader({
      onRecords: (_, some) => {
        seen.push(...some);
        return seen.length === 10 ? held.promise : undefined; // until the log has grown, nothing is fetched
      },
    });
    await append(0, 10, 'old');
    await eventually(() => seen.length === 10, { what: 'the records before' });
    await loseEnd(environment, topic, new Map([[0, 6]]));
    await append(6, 20, 'new');
    held.resolve();
    await eventually(() => errors.length > 0, { what: 'the end' });
    expect(errors).toEqual(mismatch(`follows the event old-9 before ${topic}/0@10, but the log has new-9 there`));
    expect(errors[0]?.message).toContain('docs/recovery.md#the-end-of-the-log-is-lost');
    expect(seen.length).toBe(10);
  });

  test('without its last record ends at once, though nothing comes', async () => {
    const { records, errors } = await startReader();
    await append(0, 10, 'old');
    await eventually(() => records.length === 10, { what: 'the records before' });
    await loseEnd(environment, topic, new Map([[0, 9]]));
    await eventually(() => errors.length > 0, { what: 'the end' });
    expect(errors).toEqual(mismatch(`reaches to ${topic}/0@10`));
  });

  test('with a topic of the same name that was created again ends', async () => {
    const { records, errors } = await startReader();
    await append(0, 10, 'old');
    await eventually(() => records.length === 10, { what: 'the records before' });
    await client.withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
    const again = () => ensureTopics({ client, topics: [{ name: topic, partitions: 1 }], replicationFactor: 1, minInsyncReplicas: 1 });
    await eventually(() => again().then(() => true), { what: 'the topic to be there again' });
    await append(0, 20, 'old'); // the very same records
    await eventually(() => errors.length > 0, { what: 'the end' });
    expect(errors).toEqual(mismatch('docs/recovery.md#another-log'));
    expect(records.length).toBe(10);
  });
});

describe('a tool whose broker comes back without the end of its log', () => {
  test('that reads a stretch of it rejects', async () => {
    await append(0, 10, 'old');
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const seen: LogRecord[] = [];
    const to = new Map([[0, 15]]);
    const reading = readRange({
      client,
      topic,
      from: new Map([[0, 0]]),
      to,
      onRecords: (_, some) => {
        seen.push(...some);
        begun.resolve();
        return held.promise;
      },
    }).catch((error: unknown) => error);
    await begun.promise;
    await loseEnd(environment, topic, new Map([[0, 6]]));
    await append(6, 20, 'new');
    held.resolve();
    expect(await reading).toMatchObject({ code: 'LOG_MISMATCH' });
    expect(seen.length).toBe(10);
  });

  test('that follows it ends', async () => {
    const seen: LogRecord[] = [];
    const errors: Error[] = [];
    const onRecords = (_: number, some: LogRecord[]) => void seen.push(...some);
    const following = followLog({ client, topic, from: new Map([[0, 0]]), onRecords, onFatal: (error) => void errors.push(error) });
    await append(0, 10, 'old');
    await eventually(() => seen.length === 10, { what: 'the records before' });
    await loseEnd(environment, topic, new Map([[0, 6]]));
    await append(6, 20, 'new');
    await eventually(() => errors.length > 0, { what: 'the end' });
    following.stop();
    expect(errors).toEqual([expect.objectContaining({ code: 'LOG_MISMATCH' })]);
    expect(seen.length).toBe(10);
  });
});
