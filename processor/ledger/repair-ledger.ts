// processor/ledger/repair-ledger.ts: makes a ledger again from the log when its database has lost commits, without a person (R17).
// It is the rebuild of `npm run orders -- rebuild`, run by the first processor that finds the mark; the others wait for it.

import { AppError } from '../../shared/runtime/app-error.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { RebuiltLedger } from './rebuild/rebuild.ts';

export interface LedgerRepair {
  /**
   * Resolves when the ledger was made again, or when it is to be tried again later: another process is at it, or Kafka or the database
   * does not answer. Rejects where only a person can help: the log is not the ledger's, or lacks something. Calls share one attempt.
   */
  repair: () => Promise<void>;
  /** How far it is, for a person; null while this process is not at it. */
  progress: () => string | null;
}

export interface LedgerRepairOptions {
  rebuild: (onProgress: (progress: { done: number; total: number }) => void) => Promise<RebuiltLedger>;
  /** The ledger was made again: somebody should know why commits were lost. */
  onRepaired: () => void;
  logger: Logger;
}

export const createLedgerRepair = ({ rebuild, onRepaired, logger }: LedgerRepairOptions): LedgerRepair => {
  let running: Promise<void> | null = null;
  let reached: { done: number; total: number } | null = null;

  const attempt = async (): Promise<void> => {
    try {
      const { events, products, reservations } = await rebuild((progress) => {
        if (reached === null)
          logger.warn({ events: progress.total }, 'the database of the ledger has lost commits; making the ledger again from the log');
        reached = progress;
      });
      onRepaired();
      logger.warn({ events, products, reservations }, 'the ledger was made again from the log; processors go on');
    } catch (error) {
      if (!(error instanceof AppError && error.retryable)) throw error;
      logger.debug({ code: error.code, reason: error.message }, 'the ledger could not be made again yet');
    }
  };

  return {
    repair: () => {
      running ??= attempt().finally(() => {
        running = null;
        reached = null;
      });
      return running;
    },
    progress: () => (reached === null ? null : `reading ${reached.done} of ${reached.total} events of the log again`),
  };
};
