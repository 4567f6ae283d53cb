// api/requests/outstanding-requests.ts: the requests of this process that have no answer from the log yet (R2).
// A command registers its request before the append, so that no answer can come unnoticed; the tail resolves what it folds.

import { AppError } from '../../shared/runtime/app-error.ts';
import { ANONYMOUS } from '../access/caller.ts';

export interface OutstandingRequests<Answer> {
  /**
   * Takes the answer to this request from now on. Throws LOG_OVERLOADED when too many are outstanding already, of all callers or of this one.
   * `caller`: whose share it counts against; null: of no one in particular.
   */
  register: (requestId: string, caller: string | null) => OutstandingRequest<Answer>;
  /** The first effective record that names the request has been read. Answers to requests that are not registered are dropped. */
  resolve: (requestId: string, answer: Answer) => void;
  /** How many callers are waiting. */
  size: () => number;
  /** The process is stopping: callers that wait, and those that still come, wait for STOP_GRACE_MS at most. */
  stop: () => void;
}

export interface OutstandingRequest<Answer> {
  /** The answer, whenever it comes. */
  answer: Promise<Answer>;
  /** The answer, or null when it does not come in time. */
  within: (limitMs: number) => Promise<Answer | null>;
  /** The caller stops waiting, but the log has the request: it counts as if the caller waited until its answer comes, or EXPECTED_MAX_MS. */
  abandon: () => void;
  /** Must be called in the end, however the wait ended. */
  release: () => void;
}

// Each is a held connection and some hundred bytes. Ten thousand at once are two seconds' worth of all that two cores can do:
// beyond that callers hear "later" at once instead of "pending" after five seconds. Requests that the processors are behind with count
// too: otherwise the log would gather any number of them while no processor runs (R13).
export const OUTSTANDING_REQUESTS_MAX = 10_000;
// A caller that fills its half leaves the other half to all others.
export const OUTSTANDING_SHARE_MAX = 5_000;
// Longer than a take-over or a rebuild of a middling ledger. An answer that has not come by then may never come: an api that counted on
// without end would refuse every command until its restart.
export const EXPECTED_MAX_MS = 600_000;

// Answers take milliseconds where a processor runs. Where none does, a stopping api must not wait for it as long as DECISION_WAIT_MS:
// the process would be ended with its connections open, and its callers hear nothing instead of 202.
const STOP_GRACE_MS = 1_000;

/** Whose share an actor's requests count against: without access control everyone is the same `anonymous`, who may have all. */
export const shareOf = (actor: string): string | null => (actor === ANONYMOUS.actor ? null : actor);

export interface OutstandingLimits {
  max: number;
  shareMax: number;
  /** Milliseconds that only grow. */
  now: () => number;
}

const LIMITS: OutstandingLimits = { max: OUTSTANDING_REQUESTS_MAX, shareMax: OUTSTANDING_SHARE_MAX, now: () => performance.now() };

export const createOutstandingRequests = <Answer>(limits: Partial<OutstandingLimits> = {}): OutstandingRequests<Answer> => {
  const { max, shareMax, now } = { ...LIMITS, ...limits };
  // Several callers may wait for one request: a keyed one that is sent twice at the same time has one id.
  const waiting = new Map<string, Set<(answer: Answer) => void>>();
  /** Abandoned requests whose answer has yet to come, the oldest first. */
  const expected = new Map<string, { caller: string | null; until: number }>();
  const shares = createShares();
  /** Ends the waits with a limit before it is over. */
  const cancellable = new Set<() => void>();
  let size = 0;
  let stopping = false;

  const expectAnswer = (requestId: string, caller: string | null): void => {
    if (expected.has(requestId)) return;
    expected.set(requestId, { caller, until: now() + EXPECTED_MAX_MS });
    shares.add(caller, 1);
  };
  const dropExpected = (requestId: string): void => {
    const found = expected.get(requestId);
    if (found === undefined) return;
    expected.delete(requestId);
    shares.add(found.caller, -1);
  };
  const forgetOverdue = (): void => {
    for (const [requestId, { until }] of expected) {
      if (until > now()) return;
      dropExpected(requestId);
    }
  };

  const register = (requestId: string, caller: string | null): OutstandingRequest<Answer> => {
    forgetOverdue();
    if (size + expected.size >= max) throw new AppError('LOG_OVERLOADED', 'Too many commands are waiting for their answer.');
    if (shares.of(caller) >= shareMax) throw new AppError('LOG_OVERLOADED', 'Too many of your commands are waiting for their answer.');
    const { promise, resolve: resolvePromise } = Promise.withResolvers<Answer>();
    const together = waiting.get(requestId) ?? new Set();
    let answered = false;
    const onAnswer = (answer: Answer): void => {
      answered = true;
      resolvePromise(answer);
    };
    const release = (): void => {
      if (!together.delete(onAnswer)) return;
      size -= 1;
      shares.add(caller, -1);
      if (together.size === 0) waiting.delete(requestId);
    };
    waiting.set(requestId, together.add(onAnswer));
    size += 1;
    shares.add(caller, 1);
    return {
      answer: promise,
      within: (limitMs) => {
        const late = Promise.withResolvers<null>();
        const cancel = () => late.resolve(null);
        const timer = setTimeout(cancel, stopping ? Math.min(limitMs, STOP_GRACE_MS) : limitMs);
        cancellable.add(cancel);
        return Promise.race([promise, late.promise]).finally(() => {
          clearTimeout(timer);
          cancellable.delete(cancel);
        });
      },
      abandon: () => {
        release();
        if (!answered) expectAnswer(requestId, caller);
      },
      release,
    };
  };
  const resolve = (requestId: string, answer: Answer): void => {
    dropExpected(requestId);
    for (const onAnswer of waiting.get(requestId) ?? []) onAnswer(answer);
  };
  const stop = (): void => {
    stopping = true;
    setTimeout(() => {
      for (const cancel of cancellable) cancel();
    }, STOP_GRACE_MS).unref();
  };
  return { register, resolve, size: () => size, stop };
};

/** How many are outstanding of each caller. */
const createShares = () => {
  const counts = new Map<string, number>();
  return {
    of: (caller: string | null): number => (caller === null ? 0 : (counts.get(caller) ?? 0)),
    add: (caller: string | null, change: 1 | -1): void => {
      if (caller === null) return;
      const count = (counts.get(caller) ?? 0) + change;
      if (count === 0) counts.delete(caller);
      else counts.set(caller, count);
    },
  };
};
