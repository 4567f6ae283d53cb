// R17: after a new connection a reader goes on only where the record before its position is the one that it has read there.

import { describe, expect, it } from 'vitest';
import { createPositionGuard, type PositionGuard } from '../../../../../shared/log/identity/position-guard.ts';
import type { LogRecord } from '../../../../../shared/log/log.ts';
import type { Fetched } from '../../../../../shared/log/protocol/fetch.ts';

const OUT_OF_RANGE = 1;

/** A partition of a log: the ids of its records, from the offset `low` on. */
interface Log {
  ids: readonly string[];
  low?: number;
  /** How many of its records the broker shows. */
  shown?: number;
}

const recordOf = (offset: number, id: string): LogRecord => ({
  topic: 'orders',
  partition: 0,
  offset,
  timestamp: 0,
  key: null,
  value: null,
  headers: { ce_id: Buffer.from(id) },
});

/** As a broker answers, with at most `max` records. */
const answer = ({ ids, low = 0, shown }: Log, from: number, max: number): Fetched => {
  const end = low + ids.length;
  const highWatermark = shown === undefined ? end : low + shown;
  const records = ids.map((id, index) => recordOf(low + index, id)).filter(({ offset }) => offset >= from && offset < highWatermark);
  const some = records.slice(0, max);
  return {
    partition: 0,
    fromOffset: from,
    errorCode: from < low || from > end ? OUT_OF_RANGE : 0,
    highWatermark,
    records: some,
    nextOffset: from + some.length,
    damage: null,
  };
};

/** Fetches until something is delivered or `attempts` are over; what was asked for, and the ids that came. */
const read = (guard: PositionGuard, log: Log, position: number, { max = 100, attempts = 4 } = {}) => {
  const asked: number[] = [];
  for (let count = 0; count < attempts; count += 1) {
    const from = guard.ask(new Map([[0, position]])).get(0)!;
    asked.push(from);
    const taken = guard.take(answer(log, from, max));
    if (taken === null || (taken.records.length === 0 && taken.errorCode === 0)) continue;
    expect(taken.fromOffset).toBe(position);
    return { asked, ids: taken.records.map(({ headers }) => String(headers.ce_id)), errorCode: taken.errorCode };
  }
  return { asked, ids: [], errorCode: 0 };
};

const mismatch = (detail: string) => expect.objectContaining({ code: 'LOG_MISMATCH', message: expect.stringContaining(detail) });
const LOG = { ids: ['a', 'b', 'c', 'd'] };

/** A reader that has read a to c, whose broker went and came back. */
const returned = (): PositionGuard => {
  const guard = createPositionGuard('orders');
  guard.newSession();
  expect(read(guard, { ids: ['a', 'b', 'c'] }, 0).ids).toEqual(['a', 'b', 'c']);
  guard.newSession();
  return guard;
};

describe('within a session', () => {
  it('reads on from where it stands, and nothing twice', () => {
    const guard = createPositionGuard('orders');
    guard.newSession();
    expect(read(guard, LOG, 0, { max: 2 })).toMatchObject({ asked: [0], ids: ['a', 'b'] });
    expect(read(guard, LOG, 2)).toMatchObject({ asked: [2], ids: ['c', 'd'] });
  });

  it('delivers again what the reader did not take', () => {
    const guard = createPositionGuard('orders');
    guard.newSession();
    read(guard, LOG, 0, { max: 2 });
    read(guard, LOG, 2, { max: 1 });
    expect(read(guard, LOG, 2)).toMatchObject({ asked: [2], ids: ['c', 'd'] });
  });

  it('learns what stands before a position where it begins or is sought to', () => {
    const guard = createPositionGuard('orders');
    guard.newSession();
    expect(read(guard, LOG, 3)).toMatchObject({ asked: [2], ids: ['d'] });
    expect(read(guard, LOG, 1)).toMatchObject({ asked: [0], ids: ['b', 'c', 'd'] });
  });

  it('begins at the first record that the log has left, and leaves it to the reader what lies outside', () => {
    const guard = createPositionGuard('orders');
    guard.newSession();
    expect(read(guard, { ...LOG, low: 10 }, 10)).toMatchObject({ asked: [9, 10], ids: ['a', 'b', 'c', 'd'] });
    expect(read(createPositionGuard('orders'), LOG, 9)).toMatchObject({ errorCode: OUT_OF_RANGE });
  });
});

describe('after a new connection', () => {
  it('goes on where the same record stands before the position', () => {
    expect(read(returned(), LOG, 3)).toMatchObject({ asked: [2], ids: ['d'] });
  });

  it('compares once per connection', () => {
    const guard = returned();
    expect(read(guard, { ids: ['a', 'b', 'c'] }, 3, { attempts: 1 })).toMatchObject({ asked: [2], ids: [] });
    expect(read(guard, LOG, 3)).toMatchObject({ asked: [3], ids: ['d'] });
  });

  it('ends where the log lost its end and has grown past the position', () => {
    expect(() => read(returned(), { ids: ['a', 'x', 'y', 'z'] }, 3)).toThrow(mismatch('orders/0@3, but the log has y there'));
  });

  it('ends where the log lost its end, however little', () => {
    expect(() => read(returned(), { ids: ['a'] }, 3)).toThrow(mismatch('#the-end-of-the-log-is-lost'));
    expect(() => read(returned(), { ids: ['a', 'b'] }, 3)).toThrow(mismatch('#the-end-of-the-log-is-lost'));
  });

  it('waits for a leader that does not show all that it has', () => {
    const guard = returned();
    expect(read(guard, { ...LOG, shown: 2 }, 3)).toMatchObject({ asked: [2, 3, 2, 3], ids: [] });
    expect(read(guard, LOG, 3, { attempts: 1 })).toMatchObject({ asked: [2], ids: ['d'] });
  });

  it('delivers nothing that it read ahead of the comparison', () => {
    const guard = returned();
    read(guard, { ids: ['a', 'b', 'c'], shown: 2 }, 3, { attempts: 1 }); // asks whether the log reaches as far
    expect(() => read(guard, { ids: ['a', 'b', 'x', 'y'] }, 3)).toThrow(mismatch('the log has x there'));
  });

  it('remembers also what stands before records that the reader did not take', () => {
    const guard = returned();
    expect(read(guard, LOG, 3).ids).toEqual(['d']);
    guard.newSession();
    expect(() => read(guard, { ids: ['a', 'b', 'x', 'd'] }, 3)).toThrow(mismatch('the log has x there'));
  });

  it('ends where the topic was created again', () => {
    const guard = createPositionGuard('orders');
    guard.topicIs('one');
    guard.newSession();
    guard.topicIs('one');
    expect(() => guard.topicIs('other')).toThrow(mismatch('#another-log'));
  });

  it('tells records without an id apart by time and content', () => {
    const foreign = (value: string): Fetched => ({
      ...answer({ ids: ['a'] }, 0, 1),
      records: [{ ...recordOf(0, ''), headers: {}, value: Buffer.from(value) }],
    });
    const guard = createPositionGuard('orders');
    guard.newSession();
    guard.ask(new Map([[0, 0]]));
    guard.take(foreign('one'));
    const again = (value: string) => {
      guard.newSession();
      guard.ask(new Map([[0, 1]]));
      return guard.take(foreign(value));
    };
    expect(again('one')).toMatchObject({ records: [], fromOffset: 1 });
    expect(() => again('other')).toThrow(mismatch('#the-end-of-the-log-is-lost'));
  });
});
