// What becomes of a batch whose append failed, was not confirmed, or is too large: sent again only where the log does not have it.

import { describe, expect, it } from 'vitest';
import { createExactAppender } from '../../../../projector/restore/append-exactly.ts';
import type { AppendResult } from '../../../../shared/log/append/sender.ts';
import type { LogRecord, RecordToAppend } from '../../../../shared/log/log.ts';
import type { PartitionBatch } from '../../../../shared/log/protocol/produce.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { recordsOf } from './two-histories.ts';

type Answer = (batch: PartitionBatch) => AppendResult;

const cause = new Error('no answer');
const END = 40;

/** A broker that answers as it is told, and takes what is not spoken of. */
const brokerThat = (...answers: Answer[]) => {
  const log: RecordToAppend[] = [];
  const sent: number[] = [];
  let connections = 0;
  let clock = 0;
  const take = (records: readonly RecordToAppend[]): AppendResult => {
    log.push(...records);
    return { kind: 'appended', baseOffset: END + log.length - records.length };
  };
  const recordAt = (record: RecordToAppend, index: number): LogRecord => ({
    topic: 'orders',
    partition: 0,
    offset: END + index,
    timestamp: 0,
    key: record.key as Buffer | null,
    value: record.value as Buffer | null,
    headers: Object.fromEntries(record.exactHeaders!.map(([name, value]) => [String(name), value!])),
  });
  const appender = createExactAppender({
    topic: 'orders',
    partition: 0,
    end: END,
    openSender: () => ({
      connect: async () => {
        connections += 1;
      },
      send: async ([batch]) => {
        sent.push(batch!.records.length);
        return [(answers.shift() ?? (({ records }) => take(records)))(batch!)];
      },
      destroy: () => {},
    }),
    readFrom: async (offset) => log.map(recordAt).slice(offset - END),
    pause: async (ms) => {
      clock += ms;
    },
    now: () => clock,
  });
  return { appender, log, sent, take, connections: () => connections };
};

const three = recordsOf([{ id: 1 }, { id: 2 }, { id: 5 }]);
const never: Answer = () => ({ kind: 'not-appended', cause });
const silent: Answer = () => ({ kind: 'unknown', cause });

describe('the appender of a restore', () => {
  it('says at which offset each record stands', async () => {
    const { appender, sent } = brokerThat();
    expect(await appender.append(three)).toEqual([40, 41, 42]);
    expect(await appender.append(three.slice(0, 1))).toEqual([43]);
    expect(sent).toEqual([3, 1]);
    expect(appender.others()).toBe(0);
  });

  it('sends again, over a new connection, what was certainly not appended', async () => {
    const { appender, log, connections } = brokerThat(never, never);
    expect(await appender.append(three)).toEqual([40, 41, 42]);
    expect(log).toHaveLength(3);
    expect(connections()).toBe(3);
  });

  it('does not send again what an answer that was lost had appended', async () => {
    const broker = brokerThat((batch) => {
      broker.take(batch.records);
      return { kind: 'unknown', cause };
    });
    expect(await broker.appender.append(three)).toEqual([40, 41, 42]);
    expect(broker.sent).toEqual([3]);
    expect(await broker.appender.append(three.slice(0, 1))).toEqual([43]);
    expect(broker.appender.others()).toBe(0);
  });

  it('does so too when the leader moved, and finds them behind the records of another writer', async () => {
    const broker = brokerThat((batch) => {
      broker.take(batch.records.slice(0, 1).map((record) => ({ ...record, key: Buffer.from('another') })));
      broker.take(batch.records);
      return { kind: 'leader-moved', cause };
    });
    expect(await broker.appender.append(three)).toEqual([41, 42, 43]);
    expect(broker.sent).toEqual([3]);
    expect(broker.appender.others()).toBe(1);
  });

  it('sends again what was in doubt and is not there', async () => {
    const { appender, log } = brokerThat(silent);
    expect(await appender.append(three)).toEqual([40, 41, 42]);
    expect(log).toHaveLength(3);
  });

  it('takes the first record of a batch at the end of the log for what it is: another one', async () => {
    const broker = brokerThat((batch) => {
      broker.take(batch.records.slice(0, 1));
      return { kind: 'unknown', cause };
    });
    expect(await broker.appender.append(three)).toEqual([41, 42, 43]);
    expect(broker.appender.others()).toBe(1);
  });

  it('looks again once it was in doubt, whatever a later attempt says', async () => {
    const broker = brokerThat(silent, (batch) => {
      broker.take(batch.records); // the first request, late
      return { kind: 'not-appended', cause };
    });
    expect(await broker.appender.append(three)).toEqual([40, 41, 42]);
    expect(broker.log).toHaveLength(3);
  });

  it('halves a batch that the topic does not take, and leaves out a record that is too large by itself', async () => {
    const small: Answer = ({ records }) =>
      records.length > 1 || String(records[0]!.key) === 'order-2' ? { kind: 'too-large', cause } : broker.take(records);
    const broker = brokerThat(small, small, small, small, small, small);
    expect(await broker.appender.append(three)).toEqual([40, null, 41]);
  });

  it('gives up after a minute', async () => {
    const { appender } = brokerThat(...Array.from({ length: 200 }, () => never));
    await expect(appender.append(three)).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', cause });
  });

  it('ends where the log has lost its end meanwhile', async () => {
    const { appender } = brokerThat(() => ({ kind: 'appended', baseOffset: END - 1 }));
    await expect(appender.append(three)).rejects.toBeInstanceOf(AppError);
  });
});
