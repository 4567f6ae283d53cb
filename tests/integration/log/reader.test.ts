// tests/integration/log/reader.test.ts: what a reader promises its owner.
// Every record of its partitions once, in order and without holes, from where it was told to start; and a clear end when that is impossible.
// Groups of several: reader-group.test.ts.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAppender, type RunningAppender } from '../../../shared/log/append/appender.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import type { Assignment } from '../../../shared/log/log.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { eventually } from '../../support/eventually.ts';
import { FETCH, startTcpProxy, type TcpProxy } from '../../support/faults/tcp-proxy.ts';
import { quickest } from '../../support/quickest.ts';
import { broker, clientUnderTest, countUpTo, cutOff, keyIn, newTopic, offsetsOf, readersUnderTest, record } from './log-under-test.ts';

const PARTITIONS = 4;

let client: LogClient;
let topic: string;
let appender: RunningAppender;
const { startReader, stopAll } = readersUnderTest(() => ({ client, topic }));

const append = (partition: number, count: number): Promise<unknown> =>
  Promise.all(countUpTo(count).map(() => appender.append(record(topic, keyIn(partition, PARTITIONS)))));

beforeEach(async () => {
  client = clientUnderTest();
  topic = await newTopic(client, PARTITIONS);
  appender = createAppender({ client, partitionCounts: new Map([[topic, PARTITIONS]]) });
});

afterEach(() => Promise.all([stopAll(), appender.stop()]));

describe('where reading begins', () => {
  test('a group without offsets reads from the beginning, every record once and in order', async () => {
    await Promise.all(countUpTo(PARTITIONS).map((partition) => append(partition, 700)));
    const { records, calls, reader } = await startReader();
    await eventually(() => records.length >= 4 * 700, { what: 'all records' });
    for (const partition of countUpTo(PARTITIONS)) expect(offsetsOf(records, partition)).toEqual(countUpTo(700));
    expect(calls.sort()).toEqual(countUpTo(PARTITIONS).map((partition) => `assigned ${partition}@0<700`));
    expect([...reader.lag().values()]).toEqual([0, 0, 0, 0]);
    await eventually(() => performance.now() - reader.lastFetchAt() < 2_000, { what: 'a fetch of the last two seconds' });
  });

  test('partitions are announced even when there is nothing to read', async () => {
    const { calls } = await startReader();
    await eventually(() => calls.length === PARTITIONS, { what: 'the assignment of empty partitions' });
    expect(calls.sort()).toEqual(countUpTo(PARTITIONS).map((partition) => `assigned ${partition}@0<0`));
  });

  test('given start offsets are waited for, and nothing is delivered ahead of them', async () => {
    await append(0, 50);
    const asked = Promise.withResolvers<number[]>();
    const given = Promise.withResolvers<Map<number, number>>();
    const { calls, records } = await startReader({
      startOffsets: (partitions) => {
        asked.resolve(partitions);
        return given.promise;
      },
    });
    expect((await asked.promise).sort()).toEqual(countUpTo(PARTITIONS));
    await append(0, 1); // a whole round trip, in which a fetch could have been delivered
    expect([calls, records]).toEqual([[], []]);
    given.resolve(new Map([[0, 40]]));
    await eventually(() => records.length >= 11, { what: 'the records from the given offset on' });
    expect(offsetsOf(records, 0)).toEqual(countUpTo(51).slice(40));
    expect(calls).toContain('assigned 0@40<51'); // the end as it is after the answer
  });

  test('committed offsets and their notes come back to the successor', async () => {
    await append(1, 30);
    const first = await startReader();
    await eventually(() => first.records.length === 30, { what: 'the first reader to read' });
    await first.reader.commit(new Map([[1, { offset: 20, metadata: 'logtime=5' }]]));
    await first.reader.stop();
    const assignments: Assignment[] = [];
    const second = await startReader({ onAssigned: (some) => void assignments.push(...some) }, { groupId: first.groupId });
    await eventually(() => second.records.length === 10, { what: 'the successor to read the rest' });
    expect(assignments).toContainEqual({ partition: 1, startOffset: 20, highWatermark: 30, metadata: 'logtime=5' });
    expect(assignments).toContainEqual({ partition: 0, startOffset: 0, highWatermark: 0, metadata: null });
  });

  test('start offsets that cannot be had yet are asked for again', async () => {
    await append(0, 5);
    let attempts = 0;
    const { records } = await startReader({
      startOffsets: async () => {
        attempts++;
        if (attempts < 3) throw new Error('the database is not there yet');
        return new Map([[0, 3]]);
      },
    });
    await eventually(() => records.length === 2, { what: 'the records after the third attempt' });
    expect(attempts).toBe(3);
  });
});

describe('when reading cannot go on', () => {
  test('a start offset beyond the end of the log is refused: it is another log', async () => {
    await append(0, 30);
    const { errors, calls } = await startReader({ startOffsets: async () => new Map([[0, 31]]) });
    await eventually(() => errors.length > 0, { what: 'the refusal' });
    expect(errors).toEqual([expect.objectContaining({ code: 'LOG_MISMATCH', message: expect.stringContaining(`${topic}/0`) })]);
    expect(calls).toEqual([]);
  });

  test('a start offset below what is left of the log is refused', async () => {
    await append(0, 30);
    await cutOff(client, topic, 0, 10);
    const { errors } = await startReader({ startOffsets: async () => new Map([[0, 5]]) });
    await eventually(() => errors.length > 0, { what: 'the refusal' });
    expect(errors).toEqual([expect.objectContaining({ code: 'LOG_MISMATCH' })]);
  });

  test('records that are deleted under a reader end it, instead of being skipped', async () => {
    const held = Promise.withResolvers<void>();
    const { errors, reader } = await startReader({ onRecords: () => held.promise });
    await append(0, 1);
    await eventually(() => reader.lag().get(0) === 0 && reader.lag().size === PARTITIONS, { what: 'the first record' });
    await append(0, 30);
    await cutOff(client, topic, 0, 10);
    held.resolve();
    await eventually(() => errors.length > 0, { what: 'the end' });
    expect(errors).toEqual([expect.objectContaining({ code: 'LOG_MISMATCH' })]);
  });

  test('a hole in the offsets ends the reader with LOG_GAP', async () => {
    const single = await newTopic(client, 1);
    const proxy = await startTcpProxy(broker());
    try {
      const narrow = createAppender({ client, partitionCounts: new Map([[single, 1]]) });
      await narrow.append(record(single, 'a'));
      await narrow.stop();
      proxy.onResponse((apiKey, frame) => {
        const batch = 70 + single.length; // where the only record batch of a Fetch response begins
        if (apiKey === FETCH && frame.length > batch + 61) frame.writeBigInt64BE(2n, batch);
        return 'pass';
      });
      const tampered = clientUnderTest({ socketFactory: proxy.socketFactory });
      const { errors, records } = await startReader({}, { client: tampered, topic: single });
      await eventually(() => errors.length > 0, { what: 'the end' });
      expect(errors).toEqual([expect.objectContaining({ code: 'LOG_GAP' })]);
      expect(records).toEqual([]);
    } finally {
      await stopAll();
      await proxy.stop();
    }
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('a handler that %s ends the reader, once', async (_, onRecords) => {
    await Promise.all(countUpTo(PARTITIONS).map((partition) => append(partition, 5)));
    const { errors } = await startReader({ onRecords });
    await eventually(() => errors.length > 0, { what: 'the end' });
    await append(0, 1);
    expect(errors).toEqual([new Error('no')]);
  });
});

describe('delivery', () => {
  test('a promise holds back its partition alone, for longer than the session, without losing it', async () => {
    const held = Promise.withResolvers<void>();
    const seen: string[] = [];
    const { calls } = await startReader({
      onRecords: (partition, some) => {
        seen.push(...some.map(({ offset }) => `${partition}@${offset}`));
        return partition === 0 && some[0]!.offset === 0 ? held.promise : undefined;
      },
    });
    await eventually(() => calls.length === PARTITIONS, { what: 'the assignment' });
    await append(0, 1);
    await eventually(() => seen.includes('0@0'), { what: 'the record that holds back' });
    await append(0, 1);
    for (const round of countUpTo(7)) {
      await append(1, 1);
      await eventually(() => seen.includes(`1@${round}`), { what: 'the other partition to go on' });
      await new Promise((resolve) => setTimeout(resolve, 1_000)); // 7 s in all: the session of the group is 6 s
    }
    expect(seen).not.toContain('0@1');
    held.resolve();
    await eventually(() => seen.includes('0@1'), { what: 'the partition that was held back' });
    expect(calls.length).toBe(PARTITIONS); // never revoked
  });

  test('a partition that its handler has freed goes on at once, while the others are silent', async () => {
    const { calls, records } = await startReader({
      onRecords: async (_, some) => {
        await logEnd(client, topic); // some milliseconds, in which the next fetch goes out without this partition
        records.push(...some);
      },
    });
    await eventually(() => calls.length === PARTITIONS, { what: 'the assignment' });
    const tenRounds = async () => {
      for (const _ of countUpTo(10)) {
        const before = records.length;
        await append(0, 2);
        await eventually(() => records.length >= before + 2, { what: 'the records of the round' });
      }
    };
    expect(await quickest(10 * 250, tenRounds)).toBeLessThan(10 * 250); // a fetch of silent partitions alone takes 500 ms
    expect(offsetsOf(records, 0)).toEqual(countUpTo(records.length));
  });

  test('a handler that hangs does not make its reader ask the broker all the time', async () => {
    const proxy = await startTcpProxy(broker());
    try {
      const held = Promise.withResolvers<void>();
      let fetches = 0;
      proxy.onResponse((apiKey) => {
        if (apiKey === FETCH) fetches += 1;
        return 'pass';
      });
      const { reader } = await startReader(
        { onRecords: () => held.promise },
        { client: clientUnderTest({ socketFactory: proxy.socketFactory }) },
      );
      await append(0, 1);
      await eventually(() => reader.lag().get(0) === 0 && reader.lag().size === PARTITIONS && fetches > 0, { what: 'the first record' });
      const [started, before] = [performance.now(), fetches];
      await eventually(() => fetches >= before + 12, { what: 'twelve fetches' });
      expect(performance.now() - started).toBeGreaterThan(1_000);
    } finally {
      await stopAll();
      await proxy.stop();
    }
  });

  test('seeking back delivers again from there and drops what was fetched', async () => {
    await append(2, 100);
    const { reader, records } = await startReader();
    await eventually(() => records.length === 100, { what: 'the first reading' });
    reader.seek(2, 60);
    await eventually(() => records.length >= 140, { what: 'the second reading' });
    await append(2, 1);
    await eventually(() => records.length >= 141, { what: 'what comes after' });
    expect(offsetsOf(records, 2)).toEqual([...countUpTo(100), ...countUpTo(101).slice(60)]);
  });

  test('seeking from within the handler takes effect', async () => {
    await append(0, 10);
    let back = true;
    const offsets: number[] = [];
    const { reader } = await startReader({
      onRecords: (_, some) => {
        offsets.push(...some.map(({ offset }) => offset));
        if (back) reader.seek(0, 5);
        back = false;
      },
    });
    await eventually(() => offsets.length >= 15, { what: 'the second reading' });
    expect(offsets).toEqual([...countUpTo(10), 5, 6, 7, 8, 9]);
  });

  test('paced, a trickle is read in few fetches, and a record after an idle spell at once', async () => {
    const deliveries: number[] = [];
    const { calls } = await startReader({ onRecords: (_, some) => void deliveries.push(some.length) }, { minFetchGapMs: 400 });
    await eventually(() => calls.length === PARTITIONS, { what: 'the assignment' });
    const since = performance.now();
    for (const _ of countUpTo(40)) {
      await append(0, 1);
      await new Promise((resolve) => setTimeout(resolve, 20)); // a trickle is made of pauses
    }
    await eventually(() => deliveries.reduce((sum, count) => sum + count, 0) === 40, { what: 'the trickle' });
    expect(deliveries.length).toBeLessThanOrEqual(2 + (performance.now() - since) / 400);
    const loneRecord = async () => {
      await new Promise((resolve) => setTimeout(resolve, 600)); // an idle spell
      const startedAt = performance.now();
      const before = deliveries.length;
      await append(0, 1);
      await eventually(() => deliveries.length > before, { what: 'the lone record' });
      return performance.now() - startedAt;
    };
    expect(await quickest(300, loneRecord)).toBeLessThan(300);
  });
});

describe('when the broker goes away and comes back', () => {
  let proxy: TcpProxy;
  beforeEach(async () => {
    proxy = await startTcpProxy(broker());
    return async () => {
      await stopAll();
      await proxy.stop();
    };
  });

  test('reading goes on within seconds, nothing lost, doubled or out of order', async () => {
    const { records, calls, errors, reader } = await startReader(
      {},
      { client: clientUnderTest({ socketFactory: proxy.socketFactory }), soleMember: true },
    );
    await append(0, 50);
    await eventually(() => records.length === 50, { what: 'the first records' });
    const outage = async () => {
      const before = records.length;
      await proxy.down();
      await append(0, 50);
      await new Promise((resolve) => setTimeout(resolve, 8_000)); // longer than the session: the group forgets its member
      expect(performance.now() - reader.lastFetchAt()).toBeGreaterThan(7_000); // it shows
      await proxy.up();
      const backAt = performance.now();
      await eventually(() => records.length === before + 50, { what: 'the records of the outage' });
      return performance.now() - backAt;
    };
    expect(await quickest(4_000, outage)).toBeLessThan(4_000);
    expect(offsetsOf(records, 0)).toEqual(countUpTo(records.length));
    expect(calls.length).toBe(PARTITIONS); // the only member of its group: its partitions were nobody else's meanwhile
    expect(errors).toEqual([]);
  });

  test('a connection that is cut in the middle of a fetch costs nothing', async () => {
    let fetches = 0;
    proxy.onResponse((apiKey) => (apiKey === FETCH && ++fetches % 5 === 0 ? 'cut' : 'pass'));
    const { records, errors } = await startReader({}, { client: clientUnderTest({ socketFactory: proxy.socketFactory }) });
    for (const round of countUpTo(20)) {
      await append(1, 20);
      await eventually(() => records.length >= (round + 1) * 20, { what: 'the records of the round' });
    }
    expect(offsetsOf(records, 1)).toEqual(countUpTo(400));
    expect(errors).toEqual([]);
    expect(fetches).toBeGreaterThan(5);
  });
});
