// api/bulk/export-orders.ts: GET /orders/export without HTTP: all orders that pass the filters, as text, page by page.
// It never holds more than one page in memory, and between two pages nothing in the database: no cursor, no transaction.

import { stringify } from 'csv-stringify/sync';
import type { Order } from '../../shared/order/order.ts';
import { type OrderView, orderView } from '../../shared/order/order-view.ts';
import type { ListFilters, ListPosition } from '../reads/order-list.ts';
import type { ReadModel } from '../reads/read-model.ts';
import type { ExportFormat } from '../schemas/bulk.ts';

export interface Export {
  filters: ListFilters;
  newestFirst: boolean;
  format: ExportFormat;
  /** CSV only: begins with a byte order mark, by which spreadsheets know UTF-8. */
  bom?: boolean;
}

const BYTE_ORDER_MARK = '\ufeff';

// Half a megabyte of text, 5 ms of work: long enough to be worth a query, short enough for the others.
const PAGE_ORDERS = 500;

/**
 * The text in pieces, the first of them with the header row of a CSV. Every order that had been projected when the export
 * began, and passes the filters when its page is read, is in it exactly once, as it is at that moment: pages follow the creation,
 * which never changes. Orders that are created meanwhile may be in it.
 */
export async function* exportOrders(
  readModel: Pick<ReadModel, 'page'>,
  { filters, newestFirst, format, bom = false }: Export,
): AsyncGenerator<string> {
  const encode = format === 'csv' ? csv : ndjson;
  let after: ListPosition | null = null;
  do {
    const page: Order[] = (await readModel.page({ filters, newestFirst, after, limit: PAGE_ORDERS })).map(({ order }) => order);
    const last = page.length < PAGE_ORDERS ? undefined : page.at(-1)!;
    const isFirst = after === null;
    yield `${isFirst && bom ? BYTE_ORDER_MARK : ''}${encode(page, isFirst)}`;
    after = last === undefined ? null : { createdAt: last.createdAt, orderId: last.orderId };
  } while (after !== null);
}

const ndjson = (orders: readonly Order[]): string => orders.map((order) => `${JSON.stringify(orderView(order))}\n`).join('');

const asIs = (value: unknown): unknown => value;
const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));

/** One row an order: its columns in order, each with what makes a cell of the property. `items` is JSON, there are up to a hundred. */
const CSV_CELLS: { readonly [Name in keyof OrderView]: (value: OrderView[Name]) => unknown } = {
  order_id: asIs,
  user_id: asIs,
  status: asIs,
  version: asIs,
  total_amount: asIs,
  currency: asIs,
  item_ids: (ids) => ids.join(','),
  items: json,
  created_at: asIs,
  processing_started_at: asIs,
  completed_at: asIs,
  cancelled_at: asIs,
  rejected_at: asIs,
  updated_at: asIs,
  pending_duration: asIs,
  processing_duration: asIs,
  total_duration: asIs,
  reason: asIs,
  parked: json,
  batch_id: asIs,
};
const CSV_COLUMNS = Object.keys(CSV_CELLS) as (keyof OrderView)[];

// csv-stringify quotes its own record delimiter only. To many readers CR or LF alone ends a row too, and the next cell may be a formula.
const QUOTED = /[\r\n]/;

/** RFC 4180. Text that a spreadsheet would run as a formula (`=`, `+`, `-`, `@` first) has an apostrophe before it, as OWASP advises. */
const csv = (orders: readonly Order[], isFirst: boolean): string => {
  const rows = orders.map((order) => {
    const view = orderView(order);
    return Object.fromEntries(CSV_COLUMNS.map((name) => [name, (CSV_CELLS[name] as typeof asIs)(view[name])]));
  });
  return stringify(rows, {
    header: isFirst,
    columns: [...CSV_COLUMNS],
    record_delimiter: 'windows',
    quoted_match: QUOTED,
    escape_formulas: true,
  });
};
