// Waits of any length: Node runs a timer of more than 2^31 - 1 ms after one millisecond.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock, TIMER_MAX_MS } from '../../../../shared/runtime/clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([1, TIMER_MAX_MS, TIMER_MAX_MS + 1, 3 * TIMER_MAX_MS, 315_360_000_000])('runs once after %d ms, and not before', (delayMs) => {
  const started = Date.now();
  const callback = vi.fn();
  const timeouts = vi.spyOn(globalThis, 'setTimeout');
  systemClock.after(delayMs, callback);
  vi.advanceTimersByTime(delayMs - 1);
  expect(callback).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(callback).toHaveBeenCalledTimes(1);
  expect(Date.now() - started).toBe(delayMs);
  vi.advanceTimersByTime(2 * TIMER_MAX_MS);
  expect(callback).toHaveBeenCalledTimes(1);
  // The timers of tests take any delay: what Node is given must be one that it takes.
  for (const [, given] of timeouts.mock.calls) expect(given).toBeLessThanOrEqual(2 ** 31 - 1);
});
