// api/access/accounts/accounts-schema.ts: brings the schema `accounts` up to date when the api starts.
// It never delays the start: orders can be taken without accounts, so it retries in the background while the database is unavailable.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../../../shared/postgres/database.ts';
import { databaseError } from '../../../shared/postgres/errors.ts';
import { migrate } from '../../../shared/postgres/migrate.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { createOutage } from '../../../shared/runtime/outage.ts';

const DIRECTORY = join(import.meta.dirname, 'schema');
const RETRY_MS = 1_000;

export const migrateAccounts = (database: Database): Promise<string[]> => migrate(database, DIRECTORY);

export interface AccountsSchema {
  /** Begins; what cannot pass by itself is told to `onFatal`. */
  start: () => void;
  stop: () => Promise<void>;
  /** A health check. */
  check: () => string | null;
}

export const keepAccountsSchema = (database: Database, logger: Logger, onFatal: (error: unknown) => void): AccountsSchema => {
  const stopping = new AbortController();
  let done = false;
  let work: Promise<void> = Promise.resolve();

  const bringUp = async (): Promise<void> => {
    const outage = createOutage(logger, 'preparing the accounts');
    while (!stopping.signal.aborted) {
      try {
        await migrateAccounts(database);
        done = true;
        outage.over();
        return;
      } catch (failure) {
        const error = databaseError(failure);
        if (!(error instanceof AppError && error.retryable)) throw error;
        outage.failed(error);
        await delay(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {});
      }
    }
  };
  return {
    start: () => {
      work = bringUp().catch(onFatal);
    },
    stop: async () => {
      stopping.abort();
      await work;
    },
    check: () => (done ? null : 'The schema of the accounts has not been brought up to date yet.'),
  };
};
