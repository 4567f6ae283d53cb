// tests/integration/log/dead-letters.test.ts: what cannot be decoded is kept as it was, with where it stood and why.

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAppender } from '../../../shared/log/append/appender.ts';
import { createDeadLetters } from '../../../shared/log/dead-letters/dead-letters.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { clientUnderTest, newTopic, readAll } from './log-under-test.ts';

const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

test('a dead letter has the key, value and headers of the record byte for byte, and says where it comes from', async () => {
  const client = clientUnderTest();
  const [source, letters] = [await newTopic(client, 1), await newTopic(client, 1)];
  const appender = createAppender({
    client,
    partitionCounts: new Map([
      [source, 1],
      [letters, 1],
    ]),
  });
  const dead = createDeadLetters(appender, letters);
  await appender.append({
    topic: source,
    key: bytes,
    value: Buffer.concat([bytes, bytes]),
    headers: { 'x-binär': bytes, ce_id: 'a', empty: '' },
  });
  await appender.append({ topic: source, key: null, value: null, headers: {} });
  const [odd, none] = (await readAll(client, source)) as [LogRecord, LogRecord];
  await dead.append(odd, 'NOT_A_CLOUD_EVENT');
  await dead.append(none, 'MISSING_HEADER');
  const [first, second] = await readAll(client, letters);
  expect(first!.key).toEqual(odd.key);
  expect(first!.value).toEqual(odd.value);
  expect(first!.headers).toMatchObject(odd.headers);
  const origin = Object.fromEntries(Object.entries(first!.headers).map(([name, value]) => [name, String(value)]));
  expect(origin).toMatchObject({ dl_topic: source, dl_partition: '0', dl_offset: '0', dl_reason: 'NOT_A_CLOUD_EVENT' });
  expect(new Date(origin.dl_time!).toISOString()).toBe(origin.dl_time);
  expect(second).toMatchObject({ key: null, value: null });
  expect(String(second!.headers.dl_offset)).toBe('1');
  await appender.stop();
});

test('a record that is too large to be copied leaves a letter without its value', async () => {
  const client = clientUnderTest();
  const letters = await newTopic(client, 1);
  const appender = createAppender({ client, partitionCounts: new Map([[letters, 1]]) });
  const value = Buffer.alloc(1_000_000);
  const huge: LogRecord = { topic: 'orders', partition: 3, offset: 7, timestamp: 0, key: Buffer.from('k'), value, headers: {} };
  await createDeadLetters(appender, letters).append(huge, 'MALFORMED_JSON');
  const [letter] = await readAll(client, letters);
  expect(letter).toMatchObject({ key: Buffer.from('k'), value: null });
  expect(String(letter!.headers.dl_value_omitted)).toBe('1000000');
  expect(String(letter!.headers.dl_value_sha256)).toBe(createHash('sha256').update(value).digest('hex'));
  await appender.stop();
});

test('a record whose key and headers alone are too large leaves a letter that says where it stands', async () => {
  const client = clientUnderTest();
  const letters = await newTopic(client, 1);
  const appender = createAppender({ client, partitionCounts: new Map([[letters, 1]]) });
  const at = { topic: 'orders', partition: 3, offset: 7, timestamp: 0 };
  const huge: LogRecord = { ...at, key: Buffer.alloc(600_000), value: Buffer.alloc(5), headers: { odd: Buffer.alloc(600_000) } };
  await createDeadLetters(appender, letters).append(huge, 'NOT_A_CLOUD_EVENT');
  const [letter] = await readAll(client, letters);
  expect(letter).toMatchObject({ key: null, value: null });
  const omitted = ['value', 'key', 'headers'].map((part) => String(letter!.headers[`dl_${part}_omitted`]));
  expect(omitted).toEqual(['5', '600000', '600007']);
  expect(String(letter!.headers.dl_key_sha256)).toBe(createHash('sha256').update(huge.key!).digest('hex'));
  expect(`${letter!.headers.dl_topic}/${letter!.headers.dl_partition}@${letter!.headers.dl_offset}`).toBe('orders/3@7');
  expect(letter!.headers.odd).toBeUndefined();
  await appender.stop();
});
