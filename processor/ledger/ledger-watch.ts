// processor/ledger/ledger-watch.ts: wraps the ledger and reports what its last answers say about the database.
// A processor that only retries is not ready. An idle one writes now and then too (start-commits.ts), so it notices as well.

import { AppError } from '../../shared/runtime/app-error.ts';
import type { HealthCheck } from '../../shared/runtime/health.ts';
import type { Ledger } from './ledger.ts';

// Its transactions take milliseconds.
const ANSWERS_WITHIN_MS = 10_000;

export const watchLedger = (ledger: Ledger): { ledger: Ledger; check: HealthCheck } => {
  const waiting = new Set<{ since: number }>();
  let away = false;
  const watched =
    <Args extends unknown[], Result>(method: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      const call = { since: performance.now() };
      waiting.add(call);
      try {
        const result = await method(...args);
        away = false;
        return result;
      } catch (error) {
        away = error instanceof AppError && error.code === 'DATABASE_UNAVAILABLE';
        throw error;
      } finally {
        waiting.delete(call);
      }
    };
  return {
    ledger: {
      ...ledger,
      claim: watched(ledger.claim),
      confirm: watched(ledger.confirm),
      moveStarts: watched(ledger.moveStarts),
      moveStock: watched(ledger.moveStock),
      takeProductEvents: watched(ledger.takeProductEvents),
      undeliveredAnswers: watched(ledger.undeliveredAnswers),
    },
    check: () => {
      if (away) return 'the database of the ledger does not answer';
      const oldest = waiting.values().next().value;
      return oldest && performance.now() - oldest.since > ANSWERS_WITHIN_MS ? 'the ledger has not answered for 10 s' : null;
    },
  };
};
