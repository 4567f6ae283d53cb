// tests/support/faults/submission-probe.ts: submits an order twice a second and keeps every answer, with how long it took.
// What a client meets during an outage. Its orders are in the journal, so that the oracle judges them with all others.

import { type Journal, outcomeOf, type SubmissionEntry } from '../../oracle/journal.ts';
import { uniqueName } from '../builders/unique-name.ts';

export interface ProbeAnswer {
  status: number;
  code: string | null;
  retryAfter: string | null;
  tookMs: number;
}

const EVERY_MS = 500;
const AMOUNT_MINOR = 100;

/** `stop` resolves with all answers, once the last has come. */
export const startSubmissionProbe = (api: string, journal: Journal): { stop: () => Promise<ProbeAnswer[]> } => {
  const answers: ProbeAnswer[] = [];
  const pending = new Set<Promise<void>>();
  const submit = async (): Promise<void> => {
    const id = uniqueName('probe');
    const startedAt = performance.now();
    const response = await fetch(`${api}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': id },
      body: JSON.stringify({ user_id: 'probe', item_ids: [id], total_amount: AMOUNT_MINOR / 100 }),
    });
    const body = (await response.json()) as { order_id?: string; code?: string };
    const { status, headers } = response;
    const code = body.code ?? null;
    answers.push({ status, code, retryAfter: headers.get('retry-after'), tookMs: Math.round(performance.now() - startedAt) });
    const entry: SubmissionEntry = {
      kind: 'submission',
      key: null,
      chosen: null,
      orderIds: status === 201 ? [body.order_id!] : [],
      totalMinor: AMOUNT_MINOR,
      outcome: outcomeOf(status, code),
      status,
      code,
      attempts: [id],
    };
    journal.add(entry);
  };
  const timer = setInterval(() => {
    const submitted = submit().finally(() => pending.delete(submitted));
    pending.add(submitted);
  }, EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
      return answers;
    },
  };
};
