import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { patience } from '../../support/machine.ts';

describe('eventually', () => {
  test('resolves with the first answer that is one', async () => {
    const answers = [undefined, null, false, 0];
    await expect(eventually(() => answers.shift(), { what: 'an answer' })).resolves.toBe(0);
  });

  test('says what it waited for and what the last attempt threw', async () => {
    const check = () => {
      throw new Error('connection refused');
    };
    await expect(eventually(check, { what: 'the broker', timeoutMs: 60 })).rejects.toThrow(
      `waited ${patience(60)} ms for the broker; the last attempt failed: connection refused`,
    );
  });

  test('does not hang with a check that hangs', async () => {
    await expect(eventually(() => new Promise<true>(() => {}), { what: 'a reply', timeoutMs: 60 })).rejects.toThrow(
      `waited ${patience(60)} ms for a reply`,
    );
  });
});
