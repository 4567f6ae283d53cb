import { describe, expect, it } from 'vitest';
import { problemOf } from '../../../../api/http/problem-details.ts';
import { createAnswers } from '../../../../api/requests/outstanding-requests.ts';

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
    const answers = createAnswers<string>();
    const [a, b] = [answers.register('a'), answers.register('b')];
    answers.tell('b', 'first');
    answers.tell('b', 'second');
    answers.tell('nobody', 'lost');
    expect(await b.within(1_000)).toBe('first');
    expect(await a.within(1)).toBeNull();
  });

  it('hear an answer that came before they began to wait', async () => {
    const answers = createAnswers<string>();
    const waiting = answers.register('a');
    answers.tell('a', 'early');
    expect(await waiting.within(0)).toBe('early');
  });

  it('are bounded in number: one too many is 503 OVERLOADED, until another has gone', () => {
    const answers = createAnswers<string>(2);
    const first = answers.register('a');
    const second = answers.register('b');
    expect(problemOf(thrown(() => answers.register('c'))!)).toMatchObject({ code: 'OVERLOADED' });
    first.forget();
    answers.tell('b', 'answered');
    second.forget();
    second.forget();
    expect(answers.size()).toBe(0);
    expect(thrown(() => answers.register('c'))).toBeNull();
  });

  it('count until their answer comes, also when nobody waits for it any more', async () => {
    const answers = createAnswers<string>(2);
    const [left, late] = [answers.register('a'), answers.register('b')];
    expect(await left.within(0)).toBeNull();
    left.leave();
    left.forget();
    answers.tell('b', 'just in time');
    late.leave();
    const other = answers.register('c');
    expect(problemOf(thrown(() => answers.register('d'))!)).toMatchObject({ code: 'OVERLOADED' });
    answers.tell('a', 'at last');
    answers.tell('a', 'again');
    expect(thrown(() => answers.register('d'))).toBeNull();
    other.forget();
    expect(answers.size()).toBe(1);
  });
});
