// shared/postgres/tables/ledger-rows.ts: the rows of the ledger that the api reads too. The processor alone writes them (processor/ledger/rows.ts),
// as the connections of database.ts read them: bigint as number, timestamptz as epoch milliseconds.

/**
 * A product with its stock, once its creation was read: that of a product that only orders know yet has version 0 and no name. `version` is
 * that of the last decision, `read_version` that of the last fact read.
 */
export interface ProductRow {
  product_id: string;
  version: number;
  read_version: number;
  name: string;
  description: string | null;
  price_minor: number;
  currency: string;
  put_in: number;
  unread_in: number;
  reserved: number;
  sold: number;
  created_at: number;
  updated_at: number;
  created_event_id: string;
}

/** A request about a product, with its answer. */
export interface RequestRow {
  request_id: string;
  product_id: string;
  command_hash: string | null;
  version: number | null;
  event: { id: string; time: number; name: string; data: unknown; correlation_id: string | null };
  delivered: boolean;
  partition: number;
}
