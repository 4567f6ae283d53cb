// shared/runtime/clock.ts: time as a parameter, so that tests and simulations can drive the roles.

export interface Clock {
  /** Epoch milliseconds. */
  now: () => number;
  /** Runs `callback` once, `delayMs` from now. Does not keep the process alive. */
  after: (delayMs: number, callback: () => void) => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, callback) => void setTimeout(callback, delayMs).unref(),
};
