// processor/ledger/open-ledger.ts: prepares the ledger's schema at the start of a processor.
// On a new installation the empty ledger contains the whole log: no processor has decided anything. Otherwise it is complete, or waits for
// a rebuild (R8).

import { join } from 'node:path';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { readRange } from '../../shared/log/read/read-range.ts';
import { logEnd } from '../../shared/log/topics/offsets.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { lockKey } from '../../shared/postgres/maintenance-lock.ts';
import { migrate } from '../../shared/postgres/migrate.ts';

export const LEDGER_SCHEMA_DIRECTORY = join(import.meta.dirname, '..', 'schema');

const PROCESSOR = Buffer.from('/processor');

export interface OpenLedgerOptions {
  database: Database;
  client: LogClient;
  /** Both topics that the ledger follows from; they exist. */
  topics: readonly string[];
}

/** Migrates the schema, and marks a new ledger complete if no processor has written to the log. Safe to call concurrently. */
export const openLedger = async ({ database, client, topics }: OpenLedgerOptions): Promise<void> => {
  await migrate(database, LEDGER_SCHEMA_DIRECTORY);
  const { rows } = await database.query<{ complete: boolean }>('SELECT complete FROM ledger');
  if (rows[0]?.complete) return;
  for (const topic of topics) if (await hasDecisions(client, topic)) return;
  // Not while a rebuild is under way: it takes the mark away to give it back when it is through.
  await database.query(
    'UPDATE ledger SET complete = true FROM (SELECT pg_try_advisory_xact_lock_shared(hashtextextended($1, 0)) AS free) AS lock WHERE lock.free',
    [lockKey(database)],
  );
};

/**
 * No processor decides before the mark is set, so what is found now stays true until then. A log with decisions has one among its first
 * records; one without has no more than its apis took before they refused (OPEN_ORDERS_MAX): seconds of reading.
 */
const hasDecisions = async (client: LogClient, topic: string): Promise<boolean> => {
  const ends = await logEnd(client, topic);
  if ([...ends.values()].some(({ low }) => low > 0)) return true; // what is not there any more may have been decided
  const found = new AbortController();
  const reading = readRange({
    client,
    topic,
    from: new Map(Array.from(ends, ([partition, { low }]) => [partition, low])),
    to: new Map(Array.from(ends, ([partition, { high }]) => [partition, high])),
    onRecords: (_, records) => {
      if (records.some(({ headers }) => headers.ce_source?.equals(PROCESSOR))) found.abort();
    },
    signal: found.signal,
  });
  await reading.catch((error: unknown) => {
    if (!found.signal.aborted) throw error;
  });
  return found.signal.aborted;
};
