// tests/support/steered-time.ts: time that moves only when a test says so, for limits and intervals of the code under test.
// Those of seconds pass at once, and none passes by itself on a slow machine. The wall clock and the event loop go on. Not for tests that
// run concurrently.

import { vi } from 'vitest';

const STEERED = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] as const;
const STEP_MS = 100;
// Longer than any limit that a request can meet.
const PASSED_MAX_MS = 120_000;

/** For `beforeEach`: from here to the end of the test time is steered. */
export const steerTime = (): (() => void) => {
  vi.useFakeTimers({ toFake: [...STEERED] });
  return () => void vi.useRealTimers();
};

/** Runs `work` in steered time. What it starts it also stops: later its timers belong to a clock that nobody moves. */
export const inSteeredTime = (work: () => Promise<void>) => async (): Promise<void> => {
  const release = steerTime();
  await work().finally(release);
};

/** Moves time on by so much; everything that is due meanwhile has its turn. */
export const pass = async (ms: number): Promise<void> => void (await vi.advanceTimersByTimeAsync(ms));

/** Moves time on until the promise has settled. Resolves and rejects as it does. */
export const passUntil = async <T>(promise: Promise<T>, what: string): Promise<T> => {
  let settled = false;
  const over = (): void => {
    settled = true;
  };
  promise.then(over, over);
  for (let passed = 0; !settled; passed += STEP_MS) {
    if (passed > PASSED_MAX_MS) throw new Error(`${PASSED_MAX_MS} ms of steered time have passed without ${what}`);
    await pass(STEP_MS);
  }
  return promise;
};
