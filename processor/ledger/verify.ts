// processor/ledger/verify.ts: compares the whole ledger with the log, while both are in use. The log is folded up to its end before one
// snapshot of the ledger, and on to its end after it: what the log said before must be in the snapshot, and what is in the
// snapshot the log must say by then.

import type { LogClient } from '../../shared/log/client.ts';
import { openDatabase, type Queryable, type Row } from '../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../shared/postgres/maintenance-lock.ts';
import type { Product } from '../../shared/product/product.ts';
import { compareCarried } from './compare-carried.ts';
import { compareProducts } from './compare-products.ts';
import { compareReservations } from './compare-reservations.ts';
import { createDifferences, type LedgerDifference } from './differences.ts';
import type { CarriedOrder } from './ledger.ts';
import { type Ends, endsOf, type LedgerTopics, readLog } from './read-log.ts';
import { createRefold, type RefoldedStock } from './refold.ts';
import { type CarriedRow, carriedOf, type ProductRow, type RequestRow, type ReservationRow } from './rows.ts';

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

/** The ledger at one moment. */
export interface LedgerSnapshot {
  complete: boolean;
  startOf: (topic: string, partition: number) => number;
  products: ProductRow[];
  requests: (RequestRow & { partition: number; delivered: boolean })[];
  reservations: Map<string, ReservationRow>;
  /** With the partition, by order id. */
  carried: Map<string, CarriedOrder & { partition: number }>;
}

const SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';
const NOWHERE: Ends = { orders: new Map(), products: new Map() };

/** Rejects with MAINTENANCE_RUNNING while a rebuild runs, and with the log's errors; a difference is a result, not an error. */
export const verifyLedger = async (options: VerifyLedgerOptions): Promise<VerifiedLedger> => {
  const { client, topics, databaseUrl: url, schema, onProgress = () => {} } = options;
  const database = openDatabase({ url, schema, applicationName: 'verify-ledger', maxConnections: 2, statementTimeoutMs: 0 });
  try {
    return await underMaintenanceLock(database, 'shared', async () => {
      const before = await endsOf(client, topics);
      const snapshot = await database.transaction((transaction) => readSnapshot(transaction, schema, topics.orders), SNAPSHOT);
      const after = await endsOf(client, topics);
      const refold = createRefold();
      const progress = { done: 0, total: [...after.orders.values(), ...after.products.values()].reduce((sum, end) => sum + end, 0) };
      const onEvents = (count: number): void => {
        progress.done += count;
        onProgress({ ...progress });
      };
      const history = historyOf(snapshot, refold.productNow, topics.products);
      const reading = { client, topics, refold, onEvents, onProduct: history.note };
      await readLog({ ...reading, from: NOWHERE, to: before });
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

/** A schema that is not there is an empty ledger that is not complete. */
const readSnapshot = async (client: Queryable, schema: string, ordersTopic: string): Promise<LedgerSnapshot> => {
  const tables = await client.query("SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'ledger'", [schema]);
  if (tables.rowCount === 0)
    return { complete: false, startOf: () => 0, products: [], requests: [], reservations: new Map(), carried: new Map() };
  const rows = async <R>(query: string, values: unknown[] = []): Promise<R[]> => (await client.query<R & Row>(query, values)).rows;
  const partitions = await rows<{ topic: string; partition: number; start_offset: number }>(
    'SELECT topic, partition, start_offset FROM partitions',
  );
  const starts = new Map(partitions.map((row) => [`${row.topic}/${row.partition}`, row.start_offset]));
  const reservations = await rows<ReservationRow>('SELECT order_id, version, state, lines FROM reservations');
  const carried = await rows<CarriedRow>('SELECT * FROM carried_orders WHERE topic = $1', [ordersTopic]);
  return {
    complete: (await rows<{ complete: boolean }>('SELECT complete FROM ledger'))[0]?.complete === true,
    startOf: (topic, partition) => starts.get(`${topic}/${partition}`) ?? 0,
    products: await rows<ProductRow>('SELECT * FROM products'),
    requests: await rows('SELECT * FROM product_requests ORDER BY decision'),
    reservations: new Map(reservations.map((row) => [row.order_id, row])),
    carried: new Map(carried.map((row) => [row.fold.orderId, { ...carriedOf(row), partition: row.partition }])),
  };
};

/** Products as they were at the versions that the ledger has read, and as far as its partition was read. */
export interface ProductHistory {
  note: (partition: number, offset: number, event: { productId: string }) => void;
  /** At the ledger's `read_version`; undefined if the log has no such version. */
  atRead: ReadonlyMap<string, Product>;
  /** At the least, because the ledger says that it has read so far. */
  atStart: ReadonlyMap<string, Product>;
}

const historyOf = (snapshot: LedgerSnapshot, now: (id: string) => Product | undefined, topic: string): ProductHistory => {
  const readVersions = new Map(snapshot.products.map((row) => [row.product_id, row.read_version]));
  const atRead = new Map<string, Product>();
  const atStart = new Map<string, Product>();
  const note: ProductHistory['note'] = (partition, offset, { productId }) => {
    const product = now(productId);
    if (product === undefined) return;
    if (product.version === readVersions.get(productId)) atRead.set(productId, product);
    if (offset < snapshot.startOf(topic, partition)) atStart.set(productId, product);
  };
  return { note, atRead, atStart };
};
