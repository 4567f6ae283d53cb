// tests/simulation/clients/items.ts: what clients order.

import type { ItemData } from '../../../shared/order/events.ts';

/** No product of the catalogue. */
export const UNTRACKED: ItemData = { product_id: 'thing', quantity: 1, unit_price_minor: null, stocked: false };
