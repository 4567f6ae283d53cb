// processor/ledger/verify/snapshot.ts: what a verification compares: the ledger at one moment, and the products of the log as they were at it.

import type { Queryable, Row } from '../../../shared/postgres/database.ts';
import type { RequestRow } from '../../../shared/postgres/tables/ledger-rows.ts';
import type { Product } from '../../../shared/product/product.ts';
import type { CarriedOrder } from '../ledger.ts';
import { type CarriedRow, carriedOf, type LedgerProductRow, type ReservationRow } from '../rows.ts';

/** The ledger at one moment. */
export interface LedgerSnapshot {
  complete: boolean;
  startOf: (topic: string, partition: number) => number;
  products: LedgerProductRow[];
  requests: RequestRow[];
  reservations: Map<string, ReservationRow>;
  /** With the partition, by order id. */
  carried: Map<string, CarriedOrder & { partition: number }>;
}

/** A schema that is not there is an empty ledger that is not complete. */
export const readSnapshot = async (client: Queryable, schema: string, ordersTopic: string): Promise<LedgerSnapshot> => {
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
    products: await rows<LedgerProductRow>('SELECT * FROM products'),
    requests: await rows('SELECT * FROM product_requests ORDER BY version NULLS FIRST, decision'),
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

export const historyOf = (snapshot: LedgerSnapshot, now: (id: string) => Product | undefined, topic: string): ProductHistory => {
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
