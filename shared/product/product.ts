// shared/product/product.ts: what a product is, as a fold of its facts. Every reader calls the same `evolveProduct`. How many
// units are reserved or sold is not here: that follows from the orders and is kept by the ledger. Pure: no clock, no I/O.

import type { ProductCreated, ProductEvent, ProductFact } from './events.ts';

export interface Product {
  productId: string;
  name: string;
  description: string | null;
  priceMinor: number;
  currency: string;
  /** Units ever put in, less those taken out by hand: on hand + sold. */
  putIn: number;
  /** The number of applied facts; the next fact must carry this plus one. */
  version: number;
  /** Times are epoch milliseconds and never decrease within a product (R10). */
  createdAt: number;
  updatedAt: number;
  /** The ce_id of the ProductCreated that won. */
  createdEventId: string;
}

/** `applied`: a fact that changed the product; `void`: passed over by arbitration, for every reader and for ever. */
export type ProductEffect = 'applied' | 'void' | 'request' | 'refusal';

export interface EvolvedProduct {
  product: Product | null;
  effect: ProductEffect;
}

/**
 * Folds one event into a product; `null` is a product that does not exist yet. A fact applies only if its version is the
 * product's plus one. A request has one answer because the ledger gives it one version (R11), so the fold need not remember
 * which requests were answered. Total over any input order and any repetition; never changes its arguments.
 */
export const evolveProduct = (product: Product | null, event: ProductEvent): EvolvedProduct => {
  if (event.kind !== 'fact') return { product, effect: event.kind };
  if (event.version !== (product?.version ?? 0) + 1) return { product, effect: 'void' };
  const next = product === null ? created(event) : changed(product, event);
  return next === null ? { product, effect: 'void' } : { product: next, effect: 'applied' };
};

/** R2: the id of the request that a record answers for good, given what the record did; null when it answers none. */
export const answeredBy = (event: ProductEvent, effect: ProductEffect): string | null =>
  effect === 'applied' || effect === 'refusal' ? event.causationId : null;

const created = (event: ProductFact): Product | null => (event.name === 'ProductCreated' ? newProduct(event) : null);

const newProduct = ({ id, productId, time, data }: ProductCreated): Product => ({
  productId,
  name: data.name,
  description: data.description,
  priceMinor: data.price_minor,
  currency: data.currency,
  putIn: data.stock,
  version: 1,
  createdAt: time,
  updatedAt: time,
  createdEventId: id,
});

const changed = (product: Product, event: ProductFact): Product | null => {
  const next = { ...product, version: event.version, updatedAt: Math.max(event.time, product.updatedAt) };
  switch (event.name) {
    case 'ProductUpdated': {
      const { name, description, price_minor: priceMinor, stock_delta: delta } = event.data;
      return { ...next, name, description, priceMinor, putIn: product.putIn + delta };
    }
    case 'StockAdjusted':
      return { ...next, putIn: product.putIn + event.data.delta };
    case 'ProductCreated':
      return null;
  }
};
