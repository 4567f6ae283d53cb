// shared/product/decider.ts: the answer to a request about a product: the fact it asks for, or a refusal with a code. Decided
// by the owner of the product's partition under the product's lock in the ledger (R11). Pure: values in, a draft out.

import { STOCK_MAX } from './event-schemas.ts';
import type { ProductEventData, ProductFactName, ProductRequest } from './events.ts';
import type { Product } from './product.ts';

/** A fact to append, not yet stamped with id, version and time. */
export type ProductFactDraft = { [N in DecidedName]: { kind: 'fact'; name: N; data: Omit<ProductEventData[N], 'result'> } }[DecidedName];
type DecidedName = Exclude<ProductFactName, 'ProductCreated'>;
export type ProductRefusalDraft = {
  kind: 'refusal';
  name: 'ProductRequestRefused';
  data: ProductEventData['ProductRequestRefused'];
};

/** What only the ledger knows of a product: units promised to open orders, and units of completed ones. */
export interface StockUse {
  reserved: number;
  sold: number;
}

/** The answer to a request, given the product and its use as of now; `null`: there is no such product. */
export const answerProductRequest = (
  product: Product | null,
  use: StockUse,
  request: ProductRequest,
): ProductFactDraft | ProductRefusalDraft => {
  if (product === null) return refuse('PRODUCT_NOT_FOUND', 'There is no product with this id.');
  const { expected_version: expected } = request.data;
  if (expected !== null && expected !== product.version) {
    return refuse('VERSION_MISMATCH', `The product has version ${product.version}, not ${expected}.`);
  }
  const onHand = product.putIn - use.sold;
  const delta = askedDelta(request, onHand);
  // What was sold twice stays sold: whoever puts units in, or leaves them alone, is let in.
  if (delta < 0 && onHand + delta < use.reserved) {
    return refuse('STOCK_WOULD_BE_NEGATIVE', `${onHand} are on hand and ${use.reserved} of them reserved: ${-delta} cannot be taken away.`);
  }
  if (onHand + delta > STOCK_MAX) return refuse('STOCK_TOO_LARGE', `At most ${STOCK_MAX} units can be on hand.`);
  if (request.name === 'StockAdjustmentRequested') return { kind: 'fact', name: 'StockAdjusted', data: { delta } };
  const { name = product.name, description = product.description, price_minor = product.priceMinor } = request.data;
  return { kind: 'fact', name: 'ProductUpdated', data: { name, description, price_minor, stock_delta: delta } };
};

const askedDelta = (request: ProductRequest, onHand: number): number => {
  const { stock } = request.data;
  if (typeof stock === 'number') return stock - onHand;
  return request.name === 'StockAdjustmentRequested' ? (request.data.delta ?? 0) : 0;
};

const refuse = (code: string, detail: string): ProductRefusalDraft => ({
  kind: 'refusal',
  name: 'ProductRequestRefused',
  data: { code, detail },
});
