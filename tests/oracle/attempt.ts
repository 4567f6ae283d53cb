// tests/oracle/attempt.ts: sends a request until an instance accepts it, and says what the client knows of its outcome in the end.

import { setTimeout as delay } from 'node:timers/promises';
import type { createHttpClient } from './http.ts';
import { outcomeOf, type SubmissionEntry } from './journal.ts';

export interface AttemptOptions {
  http: ReturnType<typeof createHttpClient>;
  urls: () => readonly string[];
  /** How long an unknown outcome is asked for. */
  patienceMs: number;
}

export interface Attempt {
  id: string;
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
  /** Also until there is an outcome: the same request may be sent twice. */
  again: boolean;
}

const RETRY_MS = 200;

/** Asks another instance each time, beginning with this one. */
export const attempt = async ({ http, urls, patienceMs }: AttemptOptions, what: Attempt, firstTurn: number) => {
  const deadline = Date.now() + patienceMs;
  const attempts: string[] = [];
  const outcomes: string[] = [];
  for (let turn = firstTurn; ; turn += 1) {
    const all = urls();
    const url = all[turn % all.length] ?? '';
    const id = `${what.id}.${attempts.length + 1}`;
    attempts.push(id);
    const last = await http.send(`${url}${what.path}`, {
      method: what.method,
      body: what.body,
      headers: { ...what.headers, 'x-request-id': id },
    });
    const code = (last.body.code as string | undefined) ?? null;
    const outcome = last.result === 'answered' ? outcomeOf(last.status, code) : last.result === 'unsent' ? 'refused' : 'unknown';
    outcomes.push(outcome);
    const busy = last.result === 'unsent' || code === 'OVERLOADED' || code === 'RATE_LIMITED';
    const over = !busy && (outcome !== 'unknown' || !what.again);
    if (over || Date.now() >= deadline) {
      // What was unknown once stays so when a later attempt is refused: the first may have landed.
      const told = outcome === 'refused' && outcomes.includes('unknown') ? ('unknown' as const) : (outcome as SubmissionEntry['outcome']);
      return { attempts, last, url, outcome: told, status: last.status || null, code };
    }
    await delay(RETRY_MS);
  }
};
