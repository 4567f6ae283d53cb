// shared/runtime/clock.ts: time as a parameter, so that tests and simulations can drive the roles.

export interface Clock {
  /** Epoch milliseconds. */
  now: () => number;
  /** Runs `callback` once, `delayMs` from now, however long that is. Does not keep the process alive. */
  after: (delayMs: number, callback: () => void) => void;
}

/** The longest that one timer of Node takes, 24.8 days: a longer one fires after a millisecond (https://nodejs.org/api/timers.html). */
export const TIMER_MAX_MS = 2 ** 31 - 1;

const after: Clock['after'] = (delayMs, callback) => {
  if (delayMs <= TIMER_MAX_MS) setTimeout(callback, delayMs).unref();
  else setTimeout(() => after(delayMs - TIMER_MAX_MS, callback), TIMER_MAX_MS).unref();
};

export const systemClock: Clock = { now: () => Date.now(), after };
