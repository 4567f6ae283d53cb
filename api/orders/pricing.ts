// api/orders/pricing.ts: what an order costs (design, "Catalogue"; R14).
// Items in the catalogue have its price and are stocked; the order records that, so that later changes of the catalogue do not matter.
// Pure; a wrong price is a Problem.

import type { ItemData } from '../../shared/order/events.ts';
import { AMOUNT_MAX, toMinor } from '../../shared/order/money.ts';
import { Problem, validationFailed } from '../http/problems.ts';
import type { OrderLines, SentLines } from './new-order.ts';

export interface PricingOptions {
  priceOf: (productId: string) => number | null;
  /** CATALOG: whether products that it does not know may be ordered. */
  catalog: 'open' | 'closed';
}

/** Throws UNKNOWN_PRODUCT, PRICE_MISMATCH, TOTAL_REQUIRED, TOTAL_MISMATCH or VALIDATION_FAILED. */
export type Price = (lines: SentLines) => OrderLines;

export const createPricing =
  ({ priceOf, catalog }: PricingOptions): Price =>
  ({ items: sent, totalMinor }) => {
    const items = sent.map((item) => priced(item, priceOf(item.product_id)));
    const unknown = items.find(({ stocked }) => !stocked);
    if (unknown !== undefined && catalog === 'closed') {
      throw new Problem('UNKNOWN_PRODUCT', `There is no product ${unknown.product_id} in the catalogue.`);
    }
    if (unknown !== undefined && totalMinor === null) {
      throw new Problem('TOTAL_REQUIRED', 'total_amount is required: the catalogue does not price every item of this order.');
    }
    if (items.some(({ unit_price_minor }) => unit_price_minor === null)) return { items, totalMinor: totalMinor! };
    const sum = items.reduce((total, { quantity, unit_price_minor }) => total + quantity * unit_price_minor!, 0);
    if (sum > toMinor(AMOUNT_MAX)) throw validationFailed([{ path: '/items', message: `cost more than ${AMOUNT_MAX} in all` }]);
    if (totalMinor !== null && totalMinor !== sum) {
      throw new Problem('TOTAL_MISMATCH', 'total_amount is not the sum of quantity times unit_price over all items.');
    }
    return { items, totalMinor: sum };
  };

const priced = (item: ItemData, price: number | null): ItemData => {
  if (price === null) return item;
  if (item.unit_price_minor !== null && item.unit_price_minor !== price) {
    throw new Problem('PRICE_MISMATCH', `The unit_price of product ${item.product_id} is not the one in the catalogue.`);
  }
  return { ...item, unit_price_minor: price, stocked: true };
};
