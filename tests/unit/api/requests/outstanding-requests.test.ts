import { describe, expect, it } from 'vitest';
import { problemOf } from '../../../../api/http/problem-details.ts';
import { createOutstandingRequests } from '../../../../api/requests/outstanding-requests.ts';

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
    const [a, b] = [outstanding.register('a'), outstanding.register('b')];
    outstanding.resolve('b', 'first');
    outstanding.resolve('b', 'second');
    outstanding.resolve('unknown', 'lost');
    expect(await b.within(1_000)).toBe('first');
    expect(await a.within(1)).toBeNull();
  });

  it('hear an answer that came before they began to wait', async () => {
    const outstanding = createOutstandingRequests<string>();
    const pending = outstanding.register('a');
    outstanding.resolve('a', 'early');
    expect(await pending.within(0)).toBe('early');
  });

  it('are bounded in number: one too many is 503 OVERLOADED, until another is released', () => {
    const outstanding = createOutstandingRequests<string>(2);
    const first = outstanding.register('a');
    const second = outstanding.register('b');
    expect(problemOf(thrown(() => outstanding.register('c'))!)).toMatchObject({ code: 'OVERLOADED' });
    first.release();
    outstanding.resolve('b', 'answered');
    second.release();
    second.release();
    expect(outstanding.size()).toBe(0);
    expect(thrown(() => outstanding.register('c'))).toBeNull();
  });

  it('count until their answer comes, also when they were abandoned', async () => {
    const outstanding = createOutstandingRequests<string>(2);
    const [abandoned, late] = [outstanding.register('a'), outstanding.register('b')];
    expect(await abandoned.within(0)).toBeNull();
    abandoned.abandon();
    abandoned.release();
    outstanding.resolve('b', 'just in time');
    late.abandon();
    const other = outstanding.register('c');
    expect(problemOf(thrown(() => outstanding.register('d'))!)).toMatchObject({ code: 'OVERLOADED' });
    outstanding.resolve('a', 'at last');
    outstanding.resolve('a', 'again');
    expect(thrown(() => outstanding.register('d'))).toBeNull();
    other.release();
    expect(outstanding.size()).toBe(1);
  });
});
