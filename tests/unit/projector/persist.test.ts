// Waiting for what passes by itself, and only for that.

import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createPersistence } from '../../../projector/persist.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';

const logger = pino({ level: 'silent' });
const passing = () => new AppError('DATABASE_UNAVAILABLE', 'away');

describe('persistence', () => {
  it('tries again until it works, and shows meanwhile what is wrong', async () => {
    const { persist, trouble } = createPersistence(new AbortController().signal, logger);
    const seen: (string | undefined)[] = [];
    let failures = 2;
    const result = await persist(async () => {
      seen.push(trouble()?.message);
      failures -= 1;
      if (failures >= 0) throw passing();
      return 'done';
    });
    expect(result).toBe('done');
    expect(seen).toEqual([undefined, 'away', 'away']);
    expect(trouble()).toBeNull();
  });

  it('does not take one step that works for the end of another one’s trouble', async () => {
    const stop = new AbortController();
    const { persist, trouble } = createPersistence(stop.signal, logger);
    const failing = persist(() => Promise.reject(passing())).catch((error) => error);
    await persist(async () => {});
    expect(trouble()?.message).toBe('away');
    stop.abort();
    expect(await failing).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(trouble()).toBeNull();
  });

  it.each([
    ['a checkpoint that somebody else moved', new AppError('CHECKPOINT_MOVED', 'moved')],
    ['what does not pass', new AppError('LOG_MISMATCH', 'another log')],
    ['a bug', new TypeError('undefined is not a function')],
  ])('does not wait for %s', async (_, error) => {
    const { persist } = createPersistence(new AbortController().signal, logger);
    let calls = 0;
    const failing = persist(async () => {
      calls += 1;
      throw error;
    });
    await expect(failing).rejects.toBe(error);
    expect(calls).toBe(1);
  });
});
