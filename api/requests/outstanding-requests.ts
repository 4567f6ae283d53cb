// api/requests/outstanding-requests.ts: the requests of this process that have no answer from the log yet (R2).
// A command registers its request before the append, so that no answer can come unnoticed; the tail resolves what it folds.

import { AppError } from '../../shared/runtime/app-error.ts';

export interface OutstandingRequests<Answer> {
  /** Takes the answer to this request from now on. Throws LOG_OVERLOADED when too many are outstanding already. */
  register: (requestId: string) => OutstandingRequest<Answer>;
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
  /** The caller stops waiting, but the log has the request: until its answer comes it counts as if the caller waited. */
  abandon: () => void;
  /** Must be called in the end, however the wait ended. */
  release: () => void;
}

// Each is a held connection and some hundred bytes. Ten thousand at once are two seconds' worth of all that two cores can do:
// beyond that callers hear "later" at once instead of "pending" after five seconds. Requests that the processors are behind with count
// too: otherwise the log would gather any number of them while no processor runs (R13).
export const OUTSTANDING_REQUESTS_MAX = 10_000;

// Answers take milliseconds where a processor runs. Where none does, a stopping api must not wait for it as long as DECISION_WAIT_MS:
// the process would be ended with its connections open, and its callers hear nothing instead of 202.
const STOP_GRACE_MS = 1_000;

export const createOutstandingRequests = <Answer>(limit = OUTSTANDING_REQUESTS_MAX): OutstandingRequests<Answer> => {
  // Several callers may wait for one request: a keyed one that is sent twice at the same time has one id.
  const waiting = new Map<string, Set<(answer: Answer) => void>>();
  /** Abandoned requests whose answer has yet to come. */
  const expected = new Set<string>();
  /** Ends the waits with a limit before it is over. */
  const cancellable = new Set<() => void>();
  let size = 0;
  let stopping = false;

  const register = (requestId: string): OutstandingRequest<Answer> => {
    if (size + expected.size >= limit) throw new AppError('LOG_OVERLOADED', 'Too many commands are waiting for their answer.');
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
      if (together.size === 0) waiting.delete(requestId);
    };
    waiting.set(requestId, together.add(onAnswer));
    size += 1;
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
        if (!answered) expected.add(requestId);
        release();
      },
      release,
    };
  };
  const resolve = (requestId: string, answer: Answer): void => {
    expected.delete(requestId);
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
