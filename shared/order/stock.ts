// shared/order/stock.ts: which units of stock an order asks for. Stocked or not was decided at submission (R14), so this follows
// from the order alone, the same for every reader and for ever. Pure.

import type { ItemData, OrderFact } from './events.ts';

/** Units of one product, as OrderProcessing lists them. */
export interface StockLine {
  product_id: string;
  quantity: number;
}

/** What an order takes from stock: one line per product, by product id, so that locks are always taken in the same order (R15). */
export const stockLines = (items: readonly ItemData[]): StockLine[] => {
  const quantities = new Map<string, number>();
  for (const { product_id, quantity, stocked } of items) {
    if (stocked) quantities.set(product_id, (quantities.get(product_id) ?? 0) + quantity);
  }
  return Array.from(quantities, ([product_id, quantity]) => ({ product_id, quantity })).sort(byProduct);
};

/** Whether both take the same units of the same products, both in the order of `stockLines`. */
export const sameLines = (one: readonly StockLine[], other: readonly StockLine[]): boolean =>
  one.length === other.length &&
  one.every(({ product_id: id, quantity }, at) => other[at]!.product_id === id && other[at]!.quantity === quantity);

/** Whether this fact puts its order under the ledger's rules. Once under them, an order stays there: amended, it gives stock back. */
export const bringsStock = (fact: OrderFact): boolean => {
  if (fact.name === 'OrderProcessing') return fact.data.reserved.length > 0;
  return (fact.name === 'OrderCreated' || fact.name === 'OrderAmended') && fact.data.items.some(({ stocked }) => stocked);
};

const byProduct = (one: StockLine, other: StockLine): number => (one.product_id < other.product_id ? -1 : 1);
