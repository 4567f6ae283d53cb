// A partition's new leader has all records, but does not know yet how far readers may see.
// Its high watermark lies below what they have read already. That is no other log.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAppender, type RunningAppender } from '../../../shared/log/append/appender.ts';
import { createLogClient } from '../../../shared/log/connect/client.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { FETCH, failListedOffsets, forgetHighWatermarks, LIST_OFFSETS } from '../../support/faults/network/kafka-frames.ts';
import { type KafkaProxy, startKafkaProxy } from '../../support/faults/network/kafka-proxy.ts';
import { quickest } from '../../support/quickest.ts';
import { broker, clientUnderTest, newTopic, offsetsOf, readersUnderTest, record } from './log-under-test.ts';

const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };

const LEADER_NOT_AVAILABLE = 5;
const SILENCE_LIMIT_MS = 6_000; // half of it is usual; the time-out of other requests is 10 s

let proxy: KafkaProxy;
let topic: string;
let appender: RunningAppender;
const clientThrough = () => createLogClient({ brokers: [proxy.address], clientId: uniqueName('test'), logger });
const { startReader, stopAll } = readersUnderTest(() => ({ client: clientThrough(), topic }));

beforeEach(async () => {
  proxy = await startKafkaProxy(broker());
  const client = clientUnderTest();
  topic = await newTopic(client, 1);
  appender = createAppender({ client, partitionCounts: new Map([[topic, 1]]) });
});
afterEach(async () => {
  await Promise.all([stopAll(), appender.stop()]);
  await proxy.stop();
});

describe('a leader that lags behind with its high watermark', () => {
  test('is read on from, without an end, a gap or a repetition', async () => {
    await appender.append(record(topic, 'first'));
    const { records, errors } = await startReader();
    await eventually(() => records.length === 1, { what: 'the first record' });
    let hits = 0;
    proxy.onResponse((response, request) => {
      if (request.apiKey === FETCH) hits += forgetHighWatermarks(response, request);
      return 'pass';
    });
    await eventually(() => hits >= 3, { what: 'three answers with a lagging high watermark' });
    proxy.heal();
    await appender.append(record(topic, 'second'));
    await eventually(() => records.length === 2, { what: 'the second record' });
    expect(offsetsOf(records, 0)).toEqual([0, 1]);
    expect(errors).toEqual([]);
  });

  test('is asked again for the end of the log until it knows', async () => {
    await appender.append(record(topic, 'first'));
    let answers = 0;
    proxy.onResponse((response, request) => {
      if (request.apiKey !== LIST_OFFSETS || ++answers > 3) return 'pass';
      failListedOffsets(response, request, LEADER_NOT_AVAILABLE); // to our version of the request (KIP-207)
      return 'pass';
    });
    expect(await logEnd(clientThrough(), topic)).toEqual(new Map([[0, { low: 0, high: 1 }]]));
    expect(answers).toBeGreaterThan(3);
  });

  test('that is silent is not waited for: the next question goes to whoever leads then', async () => {
    await appender.append(record(topic, 'first'));
    let lost = 0;
    proxy.onResponse((_, request) => (request.apiKey === LIST_OFFSETS && ++lost <= 2 ? 'lose' : 'pass'));
    const asking = async () => {
      lost = 0;
      expect(await logEnd(clientThrough(), topic)).toEqual(new Map([[0, { low: 0, high: 1 }]]));
      expect(lost).toBe(4); // both ends, twice
    };
    expect(await quickest(SILENCE_LIMIT_MS, asking)).toBeLessThan(SILENCE_LIMIT_MS);
  });
});
