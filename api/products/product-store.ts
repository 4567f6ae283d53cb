// api/products/product-store.ts: what the api asks the ledger about products.
// It never writes: the processor does. Every method is one statement or one snapshot, and rejects with DATABASE_UNAVAILABLE when a retry
// may help.

import type { LogMark } from '../../shared/log/identity/log-mismatch.ts';
import { BEGIN_SNAPSHOT, type Database } from '../../shared/postgres/database.ts';
import { databaseError, isUndefinedTable } from '../../shared/postgres/errors.ts';
import type { ProductRow as LedgerProductRow, RequestRow } from '../../shared/postgres/tables/ledger-rows.ts';
import type { ProductEventData, ProductFactName } from '../../shared/product/events.ts';
import { AppError } from '../../shared/runtime/app-error.ts';

const COLUMNS = [
  'product_id',
  'name',
  'description',
  'price_minor',
  'currency',
  'put_in',
  'reserved',
  'sold',
  'version',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof LedgerProductRow)[];

/** A product with its stock, as of the last decision about it. */
export type ProductRow = Pick<LedgerProductRow, (typeof COLUMNS)[number]>;

/** The answer to a request, fixed for ever when it was decided; or the creation of a product under an Idempotency-Key. */
export interface Verdict {
  productId: string;
  commandHash: string | null;
  answer: StoredFact | { name: 'ProductRequestRefused'; data: ProductEventData['ProductRequestRefused'] };
}
export type StoredFact = {
  [N in ProductFactName]: { name: N; version: number; id: string; time: number; data: ProductEventData[N] };
}[ProductFactName];

/** What pricing needs of a product. About 150 bytes each. */
export interface CatalogueEntry {
  priceMinor: number;
  /** Of the last fact that was read. */
  version: number;
  createdEventId: string;
}

export interface CatalogueSnapshot {
  /** Partition → first offset of the topic that the products do not contain. One without an entry: 0. */
  starts: Map<number, number>;
  /** From which log the products follow, and up to where (R17). */
  marks: readonly LogMark[];
  products: ({ productId: string } & CatalogueEntry)[];
}

export interface ProductStore {
  snapshot(): Promise<CatalogueSnapshot>;
  /** Null: the ledger has not read of it yet. */
  find(productId: string): Promise<ProductRow | null>;
  /** In the order of their ids, from behind `after` on; null before the first processor has made the ledger. */
  page(after: string | null, limit: number): Promise<ProductRow[] | null>;
  /** By the request's id; of a creation by its own `ce_id`. */
  verdict(requestId: string): Promise<Verdict | null>;
}

/** `schema` is the ledger's: a name that the configuration has checked. Before the first processor has made it there are no products. */
export const createProductStore = (database: Database, { schema, topic }: { schema: string; topic: string }): ProductStore => {
  const find = { name: 'find_product', text: `SELECT ${COLUMNS.join(', ')} FROM ${schema}.products WHERE product_id = $1 AND version > 0` };
  const page = `SELECT ${COLUMNS.join(', ')} FROM ${schema}.products WHERE product_id > $1 AND version > 0 ORDER BY product_id LIMIT $2`;
  const verdict = `SELECT product_id, command_hash, version, event FROM ${schema}.product_requests WHERE request_id = $1`;

  // A rebuild leaves the old rows until it has new ones; a ledger that was lost has none, and cannot say that there are none.
  const requireComplete = async (): Promise<void> => {
    const { rows } = await database.query<{ complete: boolean }>(`SELECT complete FROM ${schema}.ledger`);
    if (rows[0]?.complete !== true) throw new AppError('DATABASE_UNAVAILABLE', 'The ledger is being rebuilt.');
  };

  return {
    snapshot: () =>
      answered({ starts: new Map(), marks: [], products: [] }, () =>
        database.transaction(async (client) => {
          const state = await client.query<{ complete: boolean }>(`SELECT complete FROM ${schema}.ledger`);
          // While it is rebuilt its rows are not all there: the log has everything.
          if (state.rows[0]?.complete !== true) return { starts: new Map(), marks: [], products: [] };
          // As JSON, because a processor of an older version has not made the columns yet.
          const starts = await client.query<{ partition: number; start_offset: number; row: MarkColumns }>(
            `SELECT partition, start_offset, to_jsonb(p) AS row FROM ${schema}.partitions p WHERE topic = $1`,
            [topic],
          );
          // As it was read, not as it was decided: of what comes later the log says whether it counts.
          const products = await client.query<Pick<LedgerProductRow, 'product_id' | 'price_minor' | 'version' | 'created_event_id'>>(
            `SELECT product_id, coalesce((read_product ->> 'priceMinor')::bigint, price_minor) AS price_minor, read_version AS version, created_event_id
             FROM ${schema}.products WHERE version > 0`,
          );
          return {
            starts: new Map(starts.rows.map((row) => [row.partition, row.start_offset])),
            marks: starts.rows.flatMap(({ partition, row }) => markOf(partition, row)),
            products: products.rows.map((row) => ({
              productId: row.product_id,
              priceMinor: row.price_minor,
              version: row.version,
              createdEventId: row.created_event_id,
            })),
          };
        }, BEGIN_SNAPSHOT),
      ),
    find: (productId) =>
      answered(null, async () => {
        const { rows } = await database.query<ProductRow & Record<string, unknown>>({ ...find, values: [productId] });
        if (rows.length === 0) await requireComplete();
        return rows[0] ?? null;
      }),
    page: (after, limit) =>
      answered(null, async () => {
        const { rows } = await database.query<ProductRow & Record<string, unknown>>(page, [after ?? '', limit]);
        if (rows.length === 0) await requireComplete();
        return rows;
      }),
    verdict: (requestId) =>
      answered(null, async () => {
        const { rows } = await database.query<Pick<RequestRow, 'product_id' | 'command_hash' | 'version' | 'event'>>(verdict, [requestId]);
        const [row] = rows;
        return row === undefined
          ? null
          : {
              productId: row.product_id,
              commandHash: row.command_hash,
              answer: { ...row.event, version: row.version } as Verdict['answer'],
            };
      }),
  };
};

interface MarkColumns {
  topic_id?: string | null;
  read_offset?: number | null;
  last_event_id?: string | null;
}

const markOf = (partition: number, { topic_id: topicId, read_offset: nextOffset, last_event_id: lastEventId }: MarkColumns): LogMark[] =>
  typeof nextOffset === 'number' ? [{ partition, nextOffset, topicId: topicId ?? null, lastEventId: lastEventId ?? null }] : [];

const answered = async <T>(without: T, query: () => Promise<T>): Promise<T> => {
  try {
    return await query();
  } catch (error) {
    if (isUndefinedTable(error)) return without;
    throw databaseError(error);
  }
};
