// processor/ledger/rows.ts: between the ledger's rows and the values of its pure parts. Both directions stand here, so that the stored form
// can change: nothing else may know it. The SQL around them is statements.ts.

import type { Order } from '../../shared/order/order.ts';
import type { StockLine } from '../../shared/order/stock.ts';
import { bool, type ColumnsOf, cell, columnList, int4, int8, jsonb, text, timestamptz } from '../../shared/postgres/binary.ts';
import type { ProductRow, RequestRow } from '../../shared/postgres/tables/ledger-rows.ts';
import type { ProductFactName } from '../../shared/product/events.ts';
import type { Product } from '../../shared/product/product.ts';
import type { CarriedOrder } from './ledger.ts';
import type { Answer } from './products/product-answers.ts';
import type { LedgerProduct } from './products/product-requests.ts';
import type { Reservation } from './stock.ts';

export interface CarriedRow {
  partition: number;
  order_id: string;
  created_offset: number;
  as_of: number;
  uses_stock: boolean;
  fold: Order;
}

export const carriedOf = (row: CarriedRow): CarriedOrder => ({
  order: { ...row.fold, accepted: row.fold.accepted ?? null }, // stored before there was such a thing
  asOf: row.as_of,
  createdOffset: row.created_offset,
  usesStock: row.uses_stock,
});

const CARRIED: ColumnsOf<CarriedRow, { partition: number; carried: CarriedOrder }> = {
  partition: cell(int4, ({ partition }) => partition),
  order_id: cell(text, ({ carried }) => carried.order.orderId),
  created_offset: cell(int8, ({ carried }) => carried.createdOffset),
  as_of: cell(int8, ({ carried }) => carried.asOf),
  uses_stock: cell(bool, ({ carried }) => carried.usesStock),
  fold: cell(jsonb, ({ carried }) => JSON.stringify(carried.order)),
};
export const CARRIED_FIELDS = columnList(CARRIED);

export interface ReservationRow {
  order_id: string;
  version: number;
  state: 'held' | 'closed';
  lines: StockLine[];
}

export type ReservationEntry = readonly [orderId: string, reservation: Reservation];

const RESERVATION: ColumnsOf<ReservationRow, ReservationEntry> = {
  order_id: cell(text, ([orderId]) => orderId),
  version: cell(int4, ([, { version }]) => version),
  state: cell(text, ([, { state }]) => state),
  lines: cell(jsonb, ([, { lines }]) => JSON.stringify(lines)),
};
export const RESERVATION_FIELDS = columnList(RESERVATION);

export const reservationOf = ({ version, state, lines }: ReservationRow): Reservation => ({ version, state, lines });

/** A row that the ledger may have of a product that only orders know. */
export type LedgerProductRow = Counts & { [C in Exclude<keyof ProductRow, keyof Counts>]: ProductRow[C] | null } & {
  read_product: Product | null;
};
type Counts = Pick<ProductRow, 'product_id' | 'version' | 'read_version' | 'put_in' | 'unread_in' | 'reserved' | 'sold'>;

const PRODUCT: ColumnsOf<LedgerProductRow, LedgerProduct> = {
  product_id: cell(text, ({ productId }) => productId),
  version: cell(int4, ({ product }) => product?.version ?? 0),
  read_version: cell(int4, ({ read }) => read?.version ?? 0),
  name: cell(text, ({ product }) => product?.name ?? null),
  description: cell(text, ({ product }) => product?.description ?? null),
  price_minor: cell(int8, ({ product }) => product?.priceMinor ?? null),
  currency: cell(text, ({ product }) => product?.currency ?? null),
  put_in: cell(int8, ({ product }) => product?.putIn ?? 0),
  unread_in: cell(int8, ({ unreadIn }) => unreadIn),
  reserved: cell(int8, ({ reserved }) => reserved),
  sold: cell(int8, ({ sold }) => sold),
  created_at: cell(timestamptz, ({ product }) => product?.createdAt ?? null),
  updated_at: cell(timestamptz, ({ product }) => product?.updatedAt ?? null),
  created_event_id: cell(text, ({ product }) => product?.createdEventId ?? null),
  read_product: cell(jsonb, ({ product, read }) => (read === null || read.version === product?.version ? null : JSON.stringify(read))),
};
export const PRODUCT_FIELDS = columnList(PRODUCT);

export const productOf = (row: LedgerProductRow): LedgerProduct => {
  const product = row.version === 0 ? null : createdProductOf(row as LedgerProductRow & ProductRow);
  const { product_id: productId, read_version: version, read_product: read, unread_in: unreadIn, reserved, sold } = row;
  // A processor from before this column neither writes nor clears it: then what it read has the columns' values, as it had for it.
  return { productId, product, read: read?.version === version ? read : product && { ...product, version }, unreadIn, reserved, sold };
};

const createdProductOf = (row: ProductRow): Product => ({
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
});

/** A request that was decided, as it is stored. */
export interface StoredRequest {
  answer: Answer;
  partition: number;
  delivered: boolean;
}

const storedEvent = ({ event: { id, time, name, data, correlationId } }: Answer): string =>
  JSON.stringify({ id, time, name, data, correlation_id: correlationId });

const REQUEST: ColumnsOf<RequestRow, StoredRequest> = {
  request_id: cell(text, ({ answer }) => answer.requestId),
  product_id: cell(text, ({ answer }) => answer.event.productId),
  command_hash: cell(text, ({ answer }) => answer.commandHash),
  version: cell(int4, ({ answer }) => (answer.event.kind === 'fact' ? answer.event.version : null)),
  event: cell(jsonb, ({ answer }) => storedEvent(answer)),
  delivered: cell(bool, ({ delivered }) => delivered),
  partition: cell(int4, ({ partition }) => partition),
};
export const REQUEST_FIELDS = columnList(REQUEST);

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
