// api/answers.ts: the commands of this process that wait for their answer from the log (R2). A command registers its request's
// id before the request is appended, so that no answer can come before anybody listens; the tail tells what it folds.

import { AppError } from '../shared/runtime/app-error.ts';

export interface Answers<Answer> {
  /** Listens for the answer to this request from now on. Throws LOG_OVERLOADED when too many wait already. */
  register: (requestId: string) => PendingAnswer<Answer>;
  /** The first effective record that names the request has been read. Answers nobody waits for are dropped. */
  tell: (requestId: string, answer: Answer) => void;
  /** How many are waiting. */
  size: () => number;
}

export interface PendingAnswer<Answer> {
  /** The answer, whenever it comes. */
  come: Promise<Answer>;
  /** The answer, or null when it does not come in time. */
  within: (limitMs: number) => Promise<Answer | null>;
  /** Must be called in the end, however the wait ended. */
  forget: () => void;
}

// Each is a held connection and some hundred bytes. Ten thousand at once are two seconds' worth of all that two cores can do:
// beyond that callers hear "later" at once instead of "pending" after five seconds.
export const ANSWERS_MAX = 10_000;

export const createAnswers = <Answer>(limit = ANSWERS_MAX): Answers<Answer> => {
  // Several may wait for one request: a keyed one that is sent twice at the same time has one id.
  const waiting = new Map<string, Set<(answer: Answer) => void>>();
  let size = 0;

  const register = (requestId: string): PendingAnswer<Answer> => {
    if (size >= limit) throw new AppError('LOG_OVERLOADED', 'Too many commands are waiting for their answer.');
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const together = waiting.get(requestId) ?? new Set();
    waiting.set(requestId, together.add(resolve));
    size += 1;
    return {
      come: promise,
      within: (limitMs) => {
        let timer: NodeJS.Timeout;
        const late = new Promise<null>((giveUp) => {
          timer = setTimeout(giveUp, limitMs, null);
        });
        return Promise.race([promise, late]).finally(() => clearTimeout(timer));
      },
      forget: () => {
        if (!together.delete(resolve)) return;
        size -= 1;
        if (together.size === 0) waiting.delete(requestId);
      },
    };
  };
  const tell = (requestId: string, answer: Answer): void => {
    for (const resolve of waiting.get(requestId) ?? []) resolve(answer);
  };
  return { register, tell, size: () => size };
};
