// api/products/product-view.ts: a product as clients see it (design section 4).
// Pure.

import { fromMinor } from '../../shared/order/money.ts';
import { iso } from '../../shared/order/order-view.ts';
import type { Product } from '../../shared/product/product.ts';
import type { ProductRow } from './product-store.ts';

export const productView = (row: ProductRow) => {
  const onHand = row.put_in - row.sold;
  const free = onHand - row.reserved;
  return {
    product_id: row.product_id,
    name: row.name,
    description: row.description,
    price: fromMinor(row.price_minor),
    currency: row.currency,
    stock: Math.max(0, onHand),
    reserved: row.reserved,
    sold: row.sold,
    available: Math.max(0, free),
    /** R18: what the log has promised beyond what there is. */
    oversold: Math.max(0, -free),
    version: row.version,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
};
export type ProductView = ReturnType<typeof productView>;

/** A product that the ledger has not taken yet: no order can have reserved or bought any of it. */
export const unreadRow = (product: Product): ProductRow => ({
  product_id: product.productId,
  name: product.name,
  description: product.description,
  price_minor: product.priceMinor,
  currency: product.currency,
  put_in: product.putIn,
  reserved: 0,
  sold: 0,
  version: product.version,
  created_at: product.createdAt,
  updated_at: product.updatedAt,
});
