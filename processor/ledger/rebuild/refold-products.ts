// processor/ledger/rebuild/refold-products.ts: products, their requests and their answers as the log makes them.
// It shares only the core's fold with the live ledger. Pure.

import type { ProductEvent, ProductFact, ProductRefusal, ProductRequest } from '../../../shared/product/events.ts';
import { answeredBy, evolveProduct, type Product } from '../../../shared/product/product.ts';
import { type Answer, creationAsAnswer } from '../products/product-answers.ts';

export interface ProductRefold {
  take: (partition: number, offset: number, event: ProductEvent) => void;
  /** By the facts read so far, without counts. */
  products: ReadonlyMap<string, Product>;
  /** Requests that have their answer, and creations under a key, with the partition. */
  answers: () => { answer: Answer; partition: number }[];
  /** Offset of the oldest request without one; Infinity: there is none. */
  oldestRequest: (partition: number) => number;
}

export const createProductRefold = (): ProductRefold => {
  const products = new Map<string, Product>();
  const requests = new Map<string, { partition: number; offset: number; request: ProductRequest }>();
  const answered = new Map<string, { answer: Answer; partition: number }>();

  const take = (partition: number, offset: number, event: ProductEvent): void => {
    if (event.kind === 'request') {
      if (!answered.has(event.id) && !requests.has(event.id)) requests.set(event.id, { partition, offset, request: event });
      return;
    }
    const { product, effect } = evolveProduct(products.get(event.productId) ?? null, event);
    if (effect === 'void') return;
    if (product !== null) products.set(event.productId, product);
    if (event.kind === 'fact' && event.name === 'ProductCreated' && event.data.command_hash !== null)
      answered.set(event.id, { answer: creationAsAnswer(event), partition });
    const requestId = answeredBy(event, effect);
    if (requestId === null || answered.has(requestId)) return;
    const asked = requests.get(requestId);
    requests.delete(requestId);
    const answer = {
      requestId,
      commandHash: asked?.request.data.command_hash ?? null,
      event: event as ProductFact | ProductRefusal,
    };
    answered.set(requestId, { answer, partition });
  };

  return {
    take,
    products,
    answers: () => [...answered.values()],
    oldestRequest: (partition) => oldestIn(partition, requests.values()),
  };
};

export const oldestIn = (partition: number, entries: Iterable<{ partition: number; offset: number }>): number => {
  let oldest = Infinity;
  for (const entry of entries) if (entry.partition === partition) oldest = Math.min(oldest, entry.offset);
  return oldest;
};
