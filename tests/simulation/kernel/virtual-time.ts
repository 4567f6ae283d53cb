// tests/simulation/kernel/virtual-time.ts: Node's timers, clocks and random numbers, answered by a simulation while one runs and by Node
// otherwise. Product code that calls them directly needs no seam for it, and every value it gets follows from the seed.

import { createRequire, syncBuiltinESMExports } from 'node:module';

/** What stands behind the globals while a simulation runs. */
export interface Timekeeper {
  /** Epoch milliseconds, as the running process's wall clock has them: it may be off, and jump. */
  wallClock: () => number;
  /** Milliseconds that only ever pass. */
  steady: () => number;
  after: (delayMs: number, callback: () => void) => VirtualTimer;
  newId: () => string;
  random: () => number;
}

export interface VirtualTimer {
  cancelled: boolean;
}

const real = {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
  now: Date.now,
  steady: performance.now.bind(performance),
  random: Math.random,
};

let keeper: Timekeeper | null = null;
let installed = false;

/** Runs `work` with the timekeeper behind the globals. One at a time in a process. */
export const underTimekeeper = async <T>(next: Timekeeper, work: () => Promise<T>): Promise<T> => {
  install();
  if (keeper !== null) throw new Error('another simulation is running in this process');
  keeper = next;
  try {
    return await work();
  } finally {
    keeper = null;
  }
};

/** One turn of the real event loop, which also brings up rejections that nobody handled. */
export const realTurn = (): Promise<void> => new Promise((resolve) => void real.setImmediate(resolve));

/** By the real clock, in milliseconds: for what measures simulations. */
export const realSteady = real.steady;

type Callback = (...args: unknown[]) => void;

const isVirtual = (timer: unknown): timer is VirtualTimer => typeof timer === 'object' && timer !== null && 'cancelled' in timer;

const cancelOr =
  (otherwise: (timer: never) => void) =>
  (timer: unknown): void => {
    if (isVirtual(timer)) timer.cancelled = true;
    else otherwise(timer as never);
  };

const virtualTimeout = (callback: Callback, delayMs = 0, ...args: unknown[]): unknown =>
  keeper === null
    ? real.setTimeout(callback, delayMs, ...args)
    : keeper.after(Math.max(1, Math.trunc(delayMs) || 0), () => callback(...args));

const virtualInterval = (callback: Callback, delayMs = 0, ...args: unknown[]): unknown => {
  if (keeper === null) return real.setInterval(callback, delayMs, ...args);
  const every = Math.max(1, Math.trunc(delayMs));
  const handle = { cancelled: false, unref: () => handle, ref: () => handle };
  const again = (): void => {
    keeper?.after(every, () => {
      if (handle.cancelled) return;
      again();
      callback(...args);
    });
  };
  again();
  return handle;
};

const virtualImmediate = (callback: Callback, ...args: unknown[]): unknown =>
  keeper === null ? real.setImmediate(callback, ...args) : keeper.after(0, () => callback(...args));

const aborted = (signal: AbortSignal): Error =>
  Object.assign(new Error('aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' });

/** Of node:timers/promises. */
const virtualDelay = <T>(delayMs = 0, value?: T, { signal }: { signal?: AbortSignal } = {}): Promise<T> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal));
    const cut = (): void => {
      cancelOr(real.clearTimeout)(timer);
      reject(aborted(signal!));
    };
    const timer = virtualTimeout(() => {
      signal?.removeEventListener('abort', cut);
      resolve(value as T);
    }, delayMs);
    signal?.addEventListener('abort', cut, { once: true });
  });

const install = (): void => {
  if (installed) return;
  installed = true;
  Object.assign(globalThis, {
    setTimeout: virtualTimeout,
    clearTimeout: cancelOr(real.clearTimeout),
    setInterval: virtualInterval,
    clearInterval: cancelOr(real.clearInterval),
    setImmediate: virtualImmediate,
    clearImmediate: cancelOr(real.clearImmediate),
  });
  Date.now = () => keeper?.wallClock() ?? real.now();
  Math.random = () => keeper?.random() ?? real.random();
  performance.now = () => keeper?.steady() ?? real.steady();
  // Modules hold live bindings to these; the names that they import them by follow with syncBuiltinESMExports.
  const builtin = createRequire(import.meta.url);
  const timers = builtin('node:timers/promises');
  const crypto = builtin('node:crypto');
  const { setTimeout: realDelay, setImmediate: realImmediate } = timers;
  const { randomUUIDv7: realId } = crypto;
  timers.setTimeout = (delayMs: number, value: unknown, options: object) =>
    keeper === null ? realDelay(delayMs, value, options) : virtualDelay(delayMs, value, options);
  timers.setImmediate = (value: unknown) =>
    keeper === null ? realImmediate(value) : new Promise((resolve) => void virtualImmediate(() => resolve(value)));
  crypto.randomUUIDv7 = () => keeper?.newId() ?? realId();
  syncBuiltinESMExports();
};
