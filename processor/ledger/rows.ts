// processor/ledger/rows.ts: from the ledger's rows to the values of its pure parts.

import type { Order } from '../../shared/order/order.ts';
import type { StockLine } from '../../shared/order/stock.ts';
import type { ProductFactName } from '../../shared/product/events.ts';
import type { CarriedOrder } from './ledger.ts';
import type { Answer, LedgerProduct } from './product-requests.ts';

export interface CarriedRow {
  partition: number;
  created_offset: number;
  as_of: number;
  uses_stock: boolean;
  fold: Order;
}

export const carriedOf = (row: CarriedRow): CarriedOrder => ({
  order: row.fold,
  asOf: row.as_of,
  createdOffset: row.created_offset,
  usesStock: row.uses_stock,
});

export interface ReservationRow {
  order_id: string;
  version: number;
  state: 'held' | 'closed';
  lines: StockLine[];
}

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

export interface RequestRow {
  request_id: string;
  product_id: string;
  command_hash: string | null;
  version: number | null;
  event: { id: string; time: number; name: string; data: unknown; correlation_id: string | null };
}

export const productOf = (row: ProductRow): LedgerProduct => ({
  product: {
    productId: row.product_id,
    name: row.name,
    description: row.description,
    priceMinor: row.price_minor,
    currency: row.currency,
    putIn: row.put_in,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    createdEventId: row.created_event_id,
  },
  readVersion: row.read_version,
  unreadIn: row.unread_in,
  reserved: row.reserved,
  sold: row.sold,
});

export const answerOf = (row: RequestRow): Answer => {
  const { id, time, name, data, correlation_id: correlationId } = row.event;
  const envelope = {
    id,
    productId: row.product_id,
    time,
    actor: 'system:processor',
    causationId: row.request_id,
    correlationId,
    data,
  };
  const event =
    row.version === null
      ? { ...envelope, kind: 'refusal', name: 'ProductRequestRefused' }
      : { ...envelope, kind: 'fact', name: name as ProductFactName, version: row.version };
  // What was stored is what `takeProductEvents` decided.
  return { requestId: row.request_id, commandHash: row.command_hash, event: event as Answer['event'] };
};
