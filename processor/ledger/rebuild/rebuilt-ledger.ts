// processor/ledger/rebuild/rebuilt-ledger.ts: what a rebuild writes: the log's ledger, and undelivered decisions of the old one.
// Those may still be on their way into the log. Pure.

import { evolveProduct } from '../../../shared/product/product.ts';
import type { Answer } from '../products/product-answers.ts';
import { deltaOf, type LedgerProduct } from '../products/product-requests.ts';
import type { StoredRequest } from '../rows.ts';
import type { Reservation } from '../stock.ts';
import type { Refold } from './refold.ts';

/** Of the old ledger, whose owners have been fenced off; empty if it is lost. */
export interface DecidedBefore {
  /** By order id. */
  held: ReadonlyMap<string, Reservation>;
  /** Undelivered decisions, in the order in which they were made. */
  outbox: readonly { answer: Answer; partition: number }[];
}

export interface RebuiltLedger {
  products: Map<string, LedgerProduct>;
  reservations: Map<string, Reservation>;
  requests: StoredRequest[];
}

export const rebuiltLedger = (refold: Refold, { held, outbox }: DecidedBefore): RebuiltLedger => {
  const products = refold.products();
  const requests: StoredRequest[] = refold.answers().map(({ answer, partition }) => ({ answer, partition, delivered: true }));
  const reservations = new Map<string, Reservation>();
  for (const [orderId, { reservation }] of refold.orders()) if (reservation) reservations.set(orderId, reservation);
  keepOutbox(outbox, products, requests);
  keepHolds(held, refold, { products, reservations });
  return { products, reservations, requests };
};

/** Decisions that are not in the log, of requests that have no other answer: their facts may come any moment. */
const keepOutbox = (outbox: DecidedBefore['outbox'], products: Map<string, LedgerProduct>, requests: StoredRequest[]): void => {
  const answered = new Set(requests.map(({ answer }) => answer.requestId));
  for (const { answer, partition } of outbox) {
    if (answered.has(answer.requestId)) continue;
    const { event } = answer;
    if (event.kind === 'fact') {
      const known = products.get(event.productId);
      const { product, effect } = evolveProduct(known?.product ?? null, event);
      if (!known || !product || effect !== 'applied') continue; // decided on facts that the log does not have: decided again
      products.set(event.productId, { ...known, product, unreadIn: known.unreadIn + Math.max(0, deltaOf(event)) });
    }
    requests.push({ answer, partition, delivered: false });
  }
};

/** Held for orders that still have the version for which that was decided: their OrderProcessing may come any moment. */
const keepHolds = (
  held: DecidedBefore['held'],
  refold: Refold,
  { products, reservations }: Pick<RebuiltLedger, 'products' | 'reservations'>,
): void => {
  const orders = refold.orders();
  for (const [orderId, reservation] of held) {
    const { version, lines } = reservation;
    const known = orders.get(orderId);
    if (known?.order.status !== 'pending' || known.order.version !== version) continue;
    const isThere = lines.every(({ product_id: id, quantity }) => {
      const stock = products.get(id);
      return stock?.product != null && stock.product.putIn - stock.unreadIn - stock.sold - stock.reserved >= quantity;
    });
    if (!isThere) continue;
    for (const { product_id: id, quantity } of lines) {
      const stock = products.get(id)!;
      products.set(id, { ...stock, reserved: stock.reserved + quantity });
    }
    reservations.set(orderId, reservation);
  }
};
