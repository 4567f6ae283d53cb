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
  /** The answer, or null when it does not come in time. */
  within: (limitMs: number) => Promise<Answer | null>;
  /** Must be called in the end, however the wait ended. */
  forget: () => void;
}

// Each is a held connection and some hundred bytes. Ten thousand at once are two seconds' worth of all that two cores can do:
// beyond that callers hear "later" at once instead of "pending" after five seconds.
export const ANSWERS_MAX = 10_000;

export const createAnswers = <Answer>(limit = ANSWERS_MAX): Answers<Answer> => {
  const waiting = new Map<string, (answer: Answer) => void>();

  const register = (requestId: string): PendingAnswer<Answer> => {
    if (waiting.size >= limit) throw new AppError('LOG_OVERLOADED', 'Too many commands are waiting for their answer.');
    const { promise, resolve } = Promise.withResolvers<Answer>();
    waiting.set(requestId, resolve);
    return {
      within: (limitMs) => {
        let timer: NodeJS.Timeout;
        const late = new Promise<null>((giveUp) => {
          timer = setTimeout(giveUp, limitMs, null);
        });
        return Promise.race([promise, late]).finally(() => clearTimeout(timer));
      },
      forget: () => waiting.delete(requestId),
    };
  };
  const tell = (requestId: string, answer: Answer): void => {
    waiting.get(requestId)?.(answer);
    waiting.delete(requestId);
  };
  return { register, tell, size: () => waiting.size };
};
