// processor/ledger/ledger-retries.ts: how long a processor retries a refused or failed ledger call.
// A database that is down comes back; a partition that the ledger says is another's is usually about to be revoked here too.

import { AppError } from '../../shared/runtime/app-error.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage, type Outage } from '../../shared/runtime/outage.ts';
import { LedgerFenced } from './ledger.ts';

const DATABASE_WAIT_MS = 500;
const FENCED_WAIT_MS = 250;
/**
 * In a rebalance the new owner may hear first and claim while the old one still writes. The old one hears within a heartbeat
 * and a join, some seconds; if not, this process only believes that it owns the partition, and ends.
 */
const FENCED_ATTEMPTS_MAX = 20; // five seconds

export interface Insistence<T> {
  call: () => Promise<T>;
  /** False once the caller needs it no more: the partition was revoked. */
  isLive: () => boolean;
  clock: Clock;
  logger: Logger;
  /** Of all who call; absent: this call has one of its own. */
  outage?: Outage;
}

/** One for all calls of one user of the ledger: they fail together. */
export const createLedgerOutage = (logger: Logger): Outage => createOutage(logger, 'writing to the ledger');

/** Resolves with the answer, or with null once `isLive` is false. Rejects with what does not pass. */
export const untilLedgerAnswers = async <T>(insistence: Insistence<T>): Promise<T | null> => {
  const { call, isLive, clock, logger, outage = createLedgerOutage(logger) } = insistence;
  let fencedAttempts = 0; // counted, not timed: the clock may jump
  while (isLive()) {
    try {
      const answer = await call();
      outage.over();
      return answer;
    } catch (error) {
      if (!isLive()) return null;
      const fenced = error instanceof LedgerFenced;
      if (fenced) fencedAttempts += 1;
      if (fenced ? fencedAttempts > FENCED_ATTEMPTS_MAX : !(error instanceof AppError && error.retryable)) throw error;
      outage.failed(error);
      await new Promise<void>((resolve) => clock.after(fenced ? FENCED_WAIT_MS : DATABASE_WAIT_MS, resolve));
    }
  }
  return null;
};
