// api/bulk/sample-orders.ts: plausible orders for populate, which follow from batch and index alone.
// A repeated call therefore asks for the same orders. Pure.

import { createHash } from 'node:crypto';
import { fromMinor } from '../../shared/order/money.ts';
import type { SubmissionBody } from '../schemas/submission.ts';

const USERS = 1_000;
const PRODUCTS = 500;
const ITEMS_PER_ORDER_MAX = 4;
const PIECES_MAX = 4;
const PRICE_MAX_MINOR = 20_000;
const PRICE_MIN_MINOR = 99;

/** Numbers below a bound, drawn from a hash: eight of them at most. */
const draws = (seed: string) => {
  const bytes = createHash('sha256').update(seed).digest();
  let at = 0;
  return (bound: number): number => {
    at += 4;
    return bytes.readUInt32BE(at - 4) % bound;
  };
};

/**
 * The body that a client would send. Products have names that no catalogue uses: the catalogue neither prices nor stocks
 * them. A product costs the same in every order.
 */
export const sampleOrder = (batchId: string, index: number): SubmissionBody => {
  const draw = draws(`${batchId}\0${index}`);
  const userId = String(1 + draw(USERS));
  const first = draw(PRODUCTS);
  const count = 1 + draw(ITEMS_PER_ORDER_MAX);
  const items = Array.from({ length: count }, (_, item) => {
    // A stride that shares no divisor with the number of products: the items of an order differ.
    const product = (first + item * 37) % PRODUCTS;
    return { product_id: `sample-${product + 1}`, quantity: 1 + draw(PIECES_MAX), unit_price: fromMinor(priceOf(product)) };
  });
  const totalMinor = items.reduce((sum, { quantity }, item) => sum + quantity * priceOf((first + item * 37) % PRODUCTS), 0);
  return { user_id: userId, items, total_amount: fromMinor(totalMinor) };
};

const priceOf = (product: number): number => PRICE_MIN_MINOR + ((product * 7_919) % (PRICE_MAX_MINOR - PRICE_MIN_MINOR));
