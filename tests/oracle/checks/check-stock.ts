// tests/oracle/checks/check-stock.ts: units of stock, on hand and reserved.
// What is on hand is what was put in less what was sold, and what is reserved is what open orders hold. Put in is read from the topic
// `products`, sold and reserved from the orders.

import type { DatabaseState } from '../database.ts';
import type { Findings } from '../findings.ts';
import { type Folded, type FoldedOrder, jsonObject } from '../fold.ts';
import type { RawRecord } from '../protocol/batch.ts';

/** Product → how many units are promised or sold beyond what was put in; only those of which there are some. */
export const checkStock = (
  products: readonly RawRecord[],
  { orders }: Folded,
  database: DatabaseState,
  { find }: Findings,
): Map<string, number> => {
  const oversold = new Map<string, number>();
  const putIn = unitsPutIn(products);
  const all = [...orders.values()];
  const sold = unitsOf(all.filter(({ status }) => status === 'completed'));
  const reserved = unitsOf(all.filter(({ status }) => status === 'processing'));
  const rows = new Map(database.products.map((row) => [row.productId, row]));

  for (const id of new Set([...putIn.keys(), ...rows.keys()])) {
    const expected = { putIn: putIn.get(id) ?? 0, reserved: reserved.get(id) ?? 0, sold: sold.get(id) ?? 0 };
    const row = rows.get(id);
    const shown = row && { putIn: row.putIn, reserved: row.reserved, sold: row.sold };
    if (JSON.stringify(shown) !== JSON.stringify(expected)) {
      find('stock', `product ${id} is ${JSON.stringify(shown) ?? 'missing'}, by the log ${JSON.stringify(expected)}`);
    }
    const missing = expected.sold + expected.reserved - expected.putIn;
    if (missing > 0) oversold.set(id, missing);
  }
  for (const order of all) checkReservation(order, find);
  const held = new Set(database.held);
  for (const { orderId, status, reserved: lines } of all) {
    if (held.has(orderId) !== (status === 'processing' && lines.length > 0)) {
      find('stock', `order ${orderId} is ${status} and its reservation is ${held.has(orderId) ? 'held' : 'not held'}`);
    }
    held.delete(orderId);
  }
  for (const orderId of held) find('stock', `a reservation is held for order ${orderId}, which the log does not have`);
  return oversold;
};

/** An order that was processed has reserved what it has stocked items of, neither more nor less. */
const checkReservation = ({ orderId, history, items, reserved }: FoldedOrder, find: Findings['find']): void => {
  if (!history.some(({ status }) => status === 'processing')) return;
  const wanted = sums(items.filter(({ stocked }) => stocked));
  const taken = sums(reserved);
  const differs = [...new Set([...wanted.keys(), ...taken.keys()])].some((id) => wanted.get(id) !== taken.get(id));
  if (differs) find('stock', `order ${orderId} has reserved ${JSON.stringify(reserved)} for ${JSON.stringify(items)}`);
};

const unitsOf = (orders: readonly FoldedOrder[]): Map<string, number> => sums(orders.flatMap(({ reserved }) => reserved));

const sums = (lines: readonly { product_id: string; quantity: number }[]): Map<string, number> => {
  const units = new Map<string, number>();
  for (const { product_id: id, quantity } of lines) units.set(id, (units.get(id) ?? 0) + quantity);
  return units;
};

/** The facts of a product, each with the next version; others are void. */
const unitsPutIn = (records: readonly RawRecord[]): Map<string, number> => {
  const products = new Map<string, { version: number; units: number }>();
  for (const { headers, value } of records) {
    const { ce_type: type, ce_subject: id = '', ce_orderversion: version } = headers;
    const data = jsonObject(value) as { stock?: number; stock_delta?: number; delta?: number } | null;
    const product = products.get(id) ?? { version: 0, units: 0 };
    if (data === null || version === undefined || Number(version) !== product.version + 1) continue;
    if ((type === 'products.ProductCreated.v1') !== (product.version === 0)) continue;
    const units = {
      'products.ProductCreated.v1': data.stock,
      'products.ProductUpdated.v1': data.stock_delta,
      'products.StockAdjusted.v1': data.delta,
    };
    const delta = units[type as keyof typeof units];
    if (delta !== undefined) products.set(id, { version: product.version + 1, units: product.units + delta });
  }
  return new Map([...products].map(([id, { units }]) => [id, units]));
};
