// processor/ledger/verify/verify.ts: compares the whole ledger with the log, while both are in use.
// The log is folded up to its end before one snapshot of the ledger, and on to its end after it: what the log said before must be in the
// snapshot, and what is in the snapshot the log must say by then.

import type { LogClient } from '../../../shared/log/connect/client.ts';
import { BEGIN_SNAPSHOT, openDatabase } from '../../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../../shared/postgres/maintenance-lock.ts';
import { boundsOf, distance, type LedgerTopics, readLog } from '../rebuild/read-log.ts';
import { createRefold, type RefoldedStock } from '../rebuild/refold.ts';
import { compareCarried } from './compare-carried.ts';
import { compareProducts } from './compare-products.ts';
import { compareReservations } from './compare-reservations.ts';
import { createDifferences, type LedgerDifference } from './differences.ts';
import { historyOf, readSnapshot } from './snapshot.ts';

export interface VerifyLedgerOptions {
  client: LogClient;
  topics: LedgerTopics;
  databaseUrl: string;
  schema: string;
  onProgress?: (progress: { done: number; total: number }) => void;
}

export interface VerifiedLedger {
  products: number;
  reservations: number;
  /** How many things differ; 0: the ledger is as the log says. */
  drift: number;
  /** The first hundred of them. */
  differences: LedgerDifference[];
}

/** Rejects with MAINTENANCE_RUNNING while a rebuild runs, and with the log's errors; a difference is a result, not an error. */
export const verifyLedger = async (options: VerifyLedgerOptions): Promise<VerifiedLedger> => {
  const { client, topics, databaseUrl: url, schema, onProgress = () => {} } = options;
  const database = openDatabase({ url, schema, applicationName: 'verify-ledger', maxConnections: 2, statementTimeoutMs: 0 });
  try {
    return await underMaintenanceLock(database, 'shared', async () => {
      const { from, to: before } = await boundsOf(client, topics);
      const snapshot = await database.transaction((transaction) => readSnapshot(transaction, schema, topics.orders), BEGIN_SNAPSHOT);
      const { to: after } = await boundsOf(client, topics);
      const refold = createRefold();
      const progress = { done: 0, total: distance(from, after) };
      const onEvents = (count: number): void => {
        progress.done += count;
        onProgress({ ...progress });
      };
      const history = historyOf(snapshot, refold.productNow, topics.products);
      const reading = { client, topics, refold, onEvents, onProduct: history.note };
      await readLog({ ...reading, from, to: before });
      const ordersBefore = new Map<string, RefoldedStock>(refold.orders());
      const openBefore = refold.open();
      await readLog({ ...reading, from: before, to: after });

      const differences = createDifferences();
      const hasHistory = refold.orders().size > 0 || refold.products().size > 0;
      if (!snapshot.complete && hasHistory)
        differences.add({ what: 'ledger', id: schema, field: 'complete', expected: true, actual: false });
      compareCarried({ differences, snapshot, openBefore, openAfter: refold.open(), topic: topics.orders });
      compareReservations({ differences, snapshot, ordersBefore, ordersAfter: refold.orders(), topic: topics.orders });
      compareProducts({ differences, snapshot, history, answers: refold.answers() });
      const { count, first } = differences;
      return { products: snapshot.products.length, reservations: snapshot.reservations.size, drift: count(), differences: first() };
    });
  } finally {
    await database.end();
  }
};
