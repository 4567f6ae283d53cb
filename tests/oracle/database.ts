// tests/oracle/database.ts: the third record: what PostgreSQL shows, with plain statements.

import pg from 'pg';

export interface Row {
  orderId: string;
  status: string;
  version: number;
  totalMinor: number;
  parked: boolean;
  /** created, processing started, ended; those that there are, in this order. */
  times: number[];
}

export interface Archived {
  partition: number;
  offset: number;
  effect: string;
  orderId: string | null;
  type: string | null;
}

export interface Counters {
  pending: number;
  processing: number;
  completed: number;
  cancelled: number;
  rejected: number;
  parked: number;
  revenueMinor: number;
}

export interface ProductRow {
  productId: string;
  putIn: number;
  reserved: number;
  sold: number;
}

export interface DatabaseState {
  rows: Row[];
  archive: Archived[];
  counters: Counters;
  products: ProductRow[];
  /** Order ids for which units are held. A reservation without lines only remembers that an amended order needs none. */
  held: string[];
}

export interface Schemas {
  readModel: string;
  ledger: string;
}

const SUMS = ['pending', 'processing', 'completed', 'cancelled', 'rejected', 'parked', 'revenue_minor'];

/** All of it as of one moment. */
export const readDatabase = async (url: string, { readModel, ledger }: Schemas): Promise<DatabaseState> => {
  const client = new pg.Client({ connectionString: url, application_name: 'oracle' });
  client.on('error', () => {}); // a lost connection rejects the statement, too
  await client.connect();
  const ask = async (text: string): Promise<Record<string, string | number | null>[]> => (await client.query(text)).rows;
  const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const rows = await ask(`SELECT order_id, status, version, total_minor, parked IS NOT NULL AS parked, ${ms('created_at')} AS created,
      ${ms('processing_started_at')} AS started, ${ms('coalesce(completed_at, cancelled_at, rejected_at)')} AS ended FROM ${readModel}.orders`);
    const archive = await ask(
      `SELECT partition, log_offset, effect, order_id, type FROM ${readModel}.events ORDER BY partition, log_offset`,
    );
    const [counters] = await ask(`SELECT ${SUMS.map((name) => `coalesce(sum(${name}), 0) AS ${name}`).join()} FROM ${readModel}.counters`);
    const products = await ask(`SELECT product_id, put_in, reserved, sold FROM ${ledger}.products`);
    const held = await ask(`SELECT order_id FROM ${ledger}.reservations WHERE state = 'held' AND lines <> '[]'`);
    return {
      rows: rows.map((row) => ({
        orderId: String(row.order_id),
        status: String(row.status),
        version: Number(row.version),
        totalMinor: Number(row.total_minor),
        parked: Boolean(row.parked),
        times: [row.created, row.started, row.ended].filter((time) => typeof time === 'number'),
      })),
      archive: archive.map((row) => ({
        partition: Number(row.partition),
        offset: Number(row.log_offset),
        effect: String(row.effect),
        orderId: row.order_id as string | null,
        type: row.type as string | null,
      })),
      counters: countersOf(counters!),
      products: products.map((row) => ({
        productId: String(row.product_id),
        putIn: Number(row.put_in),
        reserved: Number(row.reserved),
        sold: Number(row.sold),
      })),
      held: held.map((row) => String(row.order_id)),
    };
  } finally {
    await client.end();
  }
};

const countersOf = (sums: Record<string, unknown>): Counters => ({
  pending: Number(sums.pending),
  processing: Number(sums.processing),
  completed: Number(sums.completed),
  cancelled: Number(sums.cancelled),
  rejected: Number(sums.rejected),
  parked: Number(sums.parked),
  revenueMinor: Number(sums.revenue_minor),
});
