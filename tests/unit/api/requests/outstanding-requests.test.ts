import { describe, expect, it } from 'vitest';
import { problemOf } from '../../../../api/http/problem-details.ts';
import { createOutstandingRequests, EXPECTED_MAX_MS } from '../../../../api/requests/outstanding-requests.ts';

const thrown = (work: () => unknown): Error | null => {
  try {
    work();
    return null;
  } catch (error) {
    return error as Error;
  }
};

describe('commands that wait', () => {
  it('hear their own answer, the first one', async () => {
    const outstanding = createOutstandingRequests<string>();
    const [a, b] = [outstanding.register('a', null), outstanding.register('b', null)];
    outstanding.resolve('b', 'first');
    outstanding.resolve('b', 'second');
    outstanding.resolve('unknown', 'lost');
    expect(await b.within(1_000)).toBe('first');
    expect(await a.within(1)).toBeNull();
  });

  it('hear an answer that came before they began to wait', async () => {
    const outstanding = createOutstandingRequests<string>();
    const pending = outstanding.register('a', null);
    outstanding.resolve('a', 'early');
    expect(await pending.within(0)).toBe('early');
  });

  it('are bounded in number: one too many is 503 OVERLOADED, until another is released', () => {
    const outstanding = createOutstandingRequests<string>({ max: 2 });
    const first = outstanding.register('a', null);
    const second = outstanding.register('b', null);
    expect(problemOf(thrown(() => outstanding.register('c', null))!)).toMatchObject({ code: 'OVERLOADED' });
    first.release();
    outstanding.resolve('b', 'answered');
    second.release();
    second.release();
    expect(outstanding.size()).toBe(0);
    expect(thrown(() => outstanding.register('c', null))).toBeNull();
  });

  it('count until their answer comes, also when they were abandoned', async () => {
    const outstanding = createOutstandingRequests<string>({ max: 2 });
    const [abandoned, late] = [outstanding.register('a', null), outstanding.register('b', null)];
    expect(await abandoned.within(0)).toBeNull();
    abandoned.abandon();
    abandoned.release();
    outstanding.resolve('b', 'just in time');
    late.abandon();
    const other = outstanding.register('c', null);
    expect(problemOf(thrown(() => outstanding.register('d', null))!)).toMatchObject({ code: 'OVERLOADED' });
    outstanding.resolve('a', 'at last');
    outstanding.resolve('a', 'again');
    expect(thrown(() => outstanding.register('d', null))).toBeNull();
    other.release();
    expect(outstanding.size()).toBe(1);
  });

  it('count no more when their answer has not come for very long, as if it never will', () => {
    let now = 0;
    const outstanding = createOutstandingRequests<string>({ max: 2, now: () => now });
    outstanding.register('a', null).abandon();
    now = 1_000;
    outstanding.register('b', null).abandon();
    now = EXPECTED_MAX_MS - 1;
    expect(problemOf(thrown(() => outstanding.register('c', null))!)).toMatchObject({ code: 'OVERLOADED' });
    now = EXPECTED_MAX_MS;
    outstanding.register('c', null).abandon(); // in the place of a
    expect(problemOf(thrown(() => outstanding.register('d', null))!)).toMatchObject({ code: 'OVERLOADED' });
    outstanding.resolve('a', 'very late'); // it has given its place away already
    expect(problemOf(thrown(() => outstanding.register('d', null))!)).toMatchObject({ code: 'OVERLOADED' });
    now = EXPECTED_MAX_MS + 1_000;
    expect(thrown(() => outstanding.register('d', null))).toBeNull();
  });

  it('leave room for others: one caller cannot take all places, waiting or abandoned', () => {
    let now = 0;
    const outstanding = createOutstandingRequests<string>({ max: 10, shareMax: 2, now: () => now });
    const waiting = outstanding.register('a', 'user:1');
    outstanding.register('b', 'user:1').abandon();
    expect(problemOf(thrown(() => outstanding.register('c', 'user:1'))!)).toMatchObject({ code: 'OVERLOADED' });
    expect(thrown(() => outstanding.register('d', 'user:2'))).toBeNull();
    expect(thrown(() => outstanding.register('e', null))).toBeNull();
    waiting.release();
    waiting.release();
    const next = outstanding.register('f', 'user:1');
    expect(problemOf(thrown(() => outstanding.register('g', 'user:1'))!)).toMatchObject({ code: 'OVERLOADED' });
    outstanding.resolve('b', 'answered');
    outstanding.register('h', 'user:1').abandon();
    next.release();
    now = EXPECTED_MAX_MS;
    for (const id of ['i', 'j']) outstanding.register(id, 'user:1');
    expect(problemOf(thrown(() => outstanding.register('k', 'user:1'))!)).toMatchObject({ code: 'OVERLOADED' });
  });
});
