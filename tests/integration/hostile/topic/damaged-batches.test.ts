// Batches that arrive with another checksum than they have in the log: nobody wrote them so, and what was acknowledged may be in them.
// They are never passed over, never taken for what they are not, and fetched again; the other partitions are read meanwhile.

import { afterEach, beforeEach, expect, it } from 'vitest';
import { createAppender } from '../../../../shared/log/append/appender.ts';
import type { LogClient } from '../../../../shared/log/connect/client.ts';
import { eventually } from '../../../support/eventually.ts';
import { damageFetched, FETCH } from '../../../support/faults/network/kafka-frames.ts';
import { type KafkaProxy, startKafkaProxy } from '../../../support/faults/network/kafka-proxy.ts';
import { broker, clientUnderTest, countUpTo, keyIn, newTopic, offsetsOf, readersUnderTest, record } from '../../log/log-under-test.ts';

const PARTITIONS = 2;
const EACH = 500;

let topic: string;
let proxy: KafkaProxy;
let client: LogClient;
let warnings: string[];
const { startReader, stopAll } = readersUnderTest(() => ({ client, topic }));

beforeEach(async () => {
  const direct = clientUnderTest();
  topic = await newTopic(direct, PARTITIONS);
  const appender = createAppender({ client: direct, partitionCounts: new Map([[topic, PARTITIONS]]) });
  const keys = countUpTo(PARTITIONS).map((partition) => keyIn(partition, PARTITIONS));
  await Promise.all(keys.flatMap((key) => countUpTo(EACH).map((index) => appender.append(record(topic, key, `${index}`)))));
  await appender.stop();
  proxy = await startKafkaProxy(broker());
  warnings = [];
  const silent = () => undefined;
  const warn = ({ reason }: { reason?: string }) => void warnings.push(reason ?? '');
  client = clientUnderTest({ brokers: [proxy.address], logger: { debug: silent, info: silent, warn, error: silent } });
});
afterEach(async () => {
  await stopAll();
  await proxy.stop();
});

/** Damages the answers to the next fetches that bring records of this partition, or of any. */
const damage = (times: number, only?: number) => {
  const hits = { count: 0 };
  proxy.onResponse((response, request) => {
    if (request.apiKey === FETCH && hits.count < times && damageFetched(response, request, only) > 0) hits.count += 1;
    return 'pass';
  });
  return hits;
};

it('are fetched again, over new connections, until they come as they are', async () => {
  const hits = damage(2);
  const { records, errors } = await startReader();
  await eventually(() => records.length === PARTITIONS * EACH, { what: 'all records' });
  expect(hits.count).toBe(2);
  for (const partition of countUpTo(PARTITIONS)) expect(offsetsOf(records, partition)).toEqual(countUpTo(EACH));
  expect(records.every(({ value, offset }) => String(value) === String(offset))).toBe(true);
  expect(errors).toEqual([]);
  expect(warnings).toEqual([expect.stringMatching(new RegExp(`The record batch at ${topic}/[01]@0 does not match its checksum`))]);
});

it('hold up their own partition alone for as long as they come so', async () => {
  const hits = damage(Number.POSITIVE_INFINITY, 0);
  const { records, errors, reader } = await startReader();
  await eventually(() => hits.count >= 2, { what: 'the damaged partition to be asked for twice' });
  const direct = clientUnderTest();
  const appender = createAppender({ client: direct, partitionCounts: new Map([[topic, PARTITIONS]]) });
  await appender.append(record(topic, keyIn(1, PARTITIONS), `${EACH}`));
  await eventually(() => offsetsOf(records, 1).length === EACH + 1, { what: 'the other partition to be read on' });
  expect(offsetsOf(records, 0)).toEqual([]);
  expect(errors).toEqual([]);
  const stalledSince = reader.lastFetchAt();
  await eventually(() => hits.count >= 4, { what: 'the damaged partition to be asked for again' });
  expect(reader.lastFetchAt(), 'not ready in the end').toBe(stalledSince);
  proxy.heal();
  await eventually(() => offsetsOf(records, 0).length === EACH, { what: 'the partition to be read once it comes whole' });
  await appender.stop();
});
