// api/requests/outstanding-requests.ts: the commands of this process that wait for their answer from the log (R2). A command registers its request's
// id before the request is appended, so that no answer can come before anybody listens; the tail tells what it folds.

import { AppError } from '../../shared/runtime/app-error.ts';

export interface Answers<Answer> {
  /** Listens for the answer to this request from now on. Throws LOG_OVERLOADED when too many wait, or are owed an answer, already. */
  register: (requestId: string) => PendingAnswer<Answer>;
  /** The first effective record that names the request has been read. Answers nobody waits for are dropped. */
  tell: (requestId: string, answer: Answer) => void;
  /** How many are waiting. */
  size: () => number;
  /** The process is leaving: whoever waits, and whoever still comes, waits for STOP_GRACE_MS at most. */
  stop: () => void;
}

export interface PendingAnswer<Answer> {
  /** The answer, whenever it comes. */
  come: Promise<Answer>;
  /** The answer, or null when it does not come in time. */
  within: (limitMs: number) => Promise<Answer | null>;
  /** Nobody waits any more, but the log has the request, so an answer will come: until then it counts as if somebody waited. */
  leave: () => void;
  /** Must be called in the end, however the wait ended. */
  forget: () => void;
}

// Each is a held connection and some hundred bytes. Ten thousand at once are two seconds' worth of all that two cores can do:
// beyond that callers hear "later" at once instead of "pending" after five seconds. Requests that the processors are behind with count
// too: otherwise the log would gather any number of them while no processor runs (R13).
export const ANSWERS_MAX = 10_000;

// Answers take milliseconds where a processor runs. Where none does, a stopping api must not wait for it as long as DECISION_WAIT_MS:
// the process would be ended with its connections open, and its callers hear nothing instead of 202.
const STOP_GRACE_MS = 1_000;

export const createAnswers = <Answer>(limit = ANSWERS_MAX): Answers<Answer> => {
  // Several may wait for one request: a keyed one that is sent twice at the same time has one id.
  const waiting = new Map<string, Set<(answer: Answer) => void>>();
  const owed = new Set<string>();
  const impatient = new Set<() => void>();
  let size = 0;
  let stopping = false;

  const register = (requestId: string): PendingAnswer<Answer> => {
    if (size + owed.size >= limit) throw new AppError('LOG_OVERLOADED', 'Too many commands are waiting for their answer.');
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const together = waiting.get(requestId) ?? new Set();
    let told = false;
    const hear = (answer: Answer): void => {
      told = true;
      resolve(answer);
    };
    const forget = (): void => {
      if (!together.delete(hear)) return;
      size -= 1;
      if (together.size === 0) waiting.delete(requestId);
    };
    waiting.set(requestId, together.add(hear));
    size += 1;
    return {
      come: promise,
      within: (limitMs) => {
        const late = Promise.withResolvers<null>();
        const giveUp = () => late.resolve(null);
        const timer = setTimeout(giveUp, stopping ? Math.min(limitMs, STOP_GRACE_MS) : limitMs);
        impatient.add(giveUp);
        return Promise.race([promise, late.promise]).finally(() => {
          clearTimeout(timer);
          impatient.delete(giveUp);
        });
      },
      leave: () => {
        if (!told) owed.add(requestId);
        forget();
      },
      forget,
    };
  };
  const tell = (requestId: string, answer: Answer): void => {
    owed.delete(requestId);
    for (const hear of waiting.get(requestId) ?? []) hear(answer);
  };
  const stop = (): void => {
    stopping = true;
    setTimeout(() => {
      for (const giveUp of impatient) giveUp();
    }, STOP_GRACE_MS).unref();
  };
  return { register, tell, size: () => size, stop };
};
