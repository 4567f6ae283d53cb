// tests/simulation/clients/items.ts: what clients order.

import type { ItemData } from '../../../shared/order/events.ts';

/** What every product costs: prices are not what these worlds are about. */
export const PRICE_MINOR = 1_000;

/** No product of the catalogue. */
export const UNTRACKED: ItemData = { product_id: 'thing', quantity: 1, unit_price_minor: null, stocked: false };

export const lineOf = (product_id: string, quantity: number): ItemData => ({
  ...UNTRACKED,
  product_id,
  quantity,
  unit_price_minor: PRICE_MINOR,
});

/** What an order of these has to say that it costs; what is not priced costs what the client says. */
export const totalOf = (items: readonly ItemData[], otherwise: number): number =>
  items.some(({ unit_price_minor: price }) => price === null)
    ? otherwise
    : items.reduce((sum, { quantity, unit_price_minor: price }) => sum + quantity * price!, 0);
