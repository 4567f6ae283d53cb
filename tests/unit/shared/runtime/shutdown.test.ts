// How a process leaves: part by part, the last one first, and none of them waited for longer than it may take.

import { describe, expect, it } from 'vitest';
import type { Logger } from '../../../../shared/runtime/logger.ts';
import { createReleasers } from '../../../../shared/runtime/shutdown.ts';

const PART_LIMIT_MS = 250;
const lines: { part?: string; limitMs?: number; message: string }[] = [];
const say = (fields: object | string, message?: string): void => {
  lines.push(typeof fields === 'string' ? { message: fields } : { ...fields, message: message! });
};
const logger = { info: say, warn: say, fatal: say } as unknown as Logger;

describe('a part that does not stop', () => {
  it('is left behind after a quarter of a second, or its own limit, and the next one is released', async () => {
    const released: string[] = [];
    const { onStop, stop, isStopping } = createReleasers(logger);
    onStop('first', () => released.push('first'));
    onStop('hangs', () => new Promise<never>(() => {}));
    onStop('hangs for longer', () => new Promise<never>(() => {}), 2 * PART_LIMIT_MS);
    onStop('fails', () => Promise.reject(new Error('told to')));
    onStop('last', () => released.push('last'));
    expect(isStopping()).toBe(false);
    await stop('SIGTERM');
    expect(isStopping()).toBe(true);
    expect(released).toEqual(['last', 'first']);
    expect(lines.filter(({ limitMs }) => limitMs !== undefined)).toEqual([
      { part: 'hangs for longer', limitMs: 2 * PART_LIMIT_MS, message: 'a part did not stop in time' },
      { part: 'hangs', limitMs: PART_LIMIT_MS, message: 'a part did not stop in time' },
    ]);
  });
});
