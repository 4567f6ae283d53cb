// api/products/change-products.ts: creates products by a fact of the api, and changes them by requests that the processor answers (R11).
// Holds the waits: the append, the answer, and the ledger. No HTTP in here.

import { randomUUIDv7 } from 'node:crypto';
import { encodeProductEvent } from '../../shared/log/codec/product-codec.ts';
import type { Appender } from '../../shared/log/log.ts';
import type { ProductCreated, ProductEventData, ProductRequest } from '../../shared/product/events.ts';
import { evolveProduct } from '../../shared/product/product.ts';
import type { CallContext } from '../access/call-context.ts';
import { appendOrGiveUp } from '../requests/append-in-time.ts';
import { type KeyedRequest, keyedRequest } from '../requests/keyed-request.ts';
import { type OutstandingRequests, shareOf } from '../requests/outstanding-requests.ts';
import type { Catalogue, ProductAnswer } from './catalogue.ts';
import type { ProductRow, ProductStore, Verdict } from './product-store.ts';
import { unreadRow } from './product-view.ts';
import type { ReadProducts } from './read-products.ts';

export interface NewProduct {
  /** Chosen by the client, else null. */
  productId: string | null;
  name: string;
  description: string | null;
  priceMinor: number;
  stock: number;
}

/** What a client asks of a product. */
export interface ProductChange {
  productId: string;
  asked: Asking;
  idempotencyKey: string | null;
}

type Asking = {
  [N in ProductRequest['name']]: { name: N; data: Omit<ProductEventData[N], 'command_hash' | 'expected_version'> };
}[ProductRequest['name']];

export type ProductCreation =
  | { outcome: 'created'; product: ProductRow }
  | { outcome: 'taken' }
  | { outcome: 'pending'; productId: string }
  | { outcome: 'overloaded' }
  | { outcome: 'unknown'; productId: string };

export type ProductChanged =
  | { outcome: 'applied'; product: ProductRow; replayed: boolean }
  | { outcome: 'refused'; code: string; detail: string; replayed: boolean }
  | { outcome: 'not_found' }
  | { outcome: 'key_reused' }
  | { outcome: 'pending'; requestId: string }
  | { outcome: 'unknown'; requestId: string };

export interface ChangeProducts {
  create: (product: NewProduct, context: CallContext) => Promise<ProductCreation>;
  change: (change: ProductChange, context: CallContext) => Promise<ProductChanged>;
}

export interface ChangeProductsOptions {
  topic: string;
  currency: string;
  /** PRODUCTS_MAX. */
  productsMax: number;
  appender: Appender;
  catalogue: Pick<Catalogue, 'get' | 'size' | 'waitRead'>;
  products: Pick<ReadProducts, 'exists' | 'found'>;
  store: Pick<ProductStore, 'verdict'>;
  outstanding: OutstandingRequests<ProductAnswer>;
  decisionWaitMs: number;
  now: () => number;
}

// As long as an append may take: see append-in-time.ts.
const VERDICT_MAX_MS = 5_000;

export const createChangeProducts = (options: ChangeProductsOptions): ChangeProducts => {
  const { topic, currency, productsMax, appender, catalogue, products, store, outstanding, decisionWaitMs, now } = options;

  const create = async (product: NewProduct, context: CallContext): Promise<ProductCreation> => {
    const productId = product.productId ?? randomUUIDv7();
    if (catalogue.get(productId) !== undefined) return { outcome: 'taken' };
    if (catalogue.size() >= productsMax) return { outcome: 'overloaded' };
    const event: ProductCreated = {
      kind: 'fact',
      name: 'ProductCreated',
      id: randomUUIDv7(),
      productId,
      version: 1,
      time: now(),
      actor: context.caller.actor,
      causationId: null,
      correlationId: context.correlationId,
      data: {
        name: product.name,
        description: product.description,
        price_minor: product.priceMinor,
        currency,
        stock: product.stock,
        id_origin: product.productId === null ? 'server' : 'client',
      },
    };
    const place = await appendOrGiveUp(appender, encodeProductEvent(event, topic, context.traceparent));
    if (place === null) return { outcome: 'unknown', productId };
    // The log decides which client was first with an id; and the next order of the product finds it priced, on this instance at least.
    if (!(await catalogue.waitRead(place, VERDICT_MAX_MS))) return { outcome: 'pending', productId };
    if (catalogue.get(productId)?.createdEventId !== event.id) return { outcome: 'taken' };
    return { outcome: 'created', product: unreadRow(evolveProduct(null, event).product!) };
  };

  const requestOf = ({ productId, asked }: ProductChange, keyed: KeyedRequest | null, context: CallContext): ProductRequest =>
    ({
      kind: 'request',
      name: asked.name,
      id: keyed?.requestId ?? randomUUIDv7(),
      productId,
      time: now(),
      actor: context.caller.actor,
      causationId: null,
      correlationId: context.correlationId,
      data: { ...asked.data, expected_version: null, command_hash: keyed?.commandHash ?? null },
    }) as ProductRequest;

  const settled = async (productId: string, answer: Verdict['answer'], replayed: boolean): Promise<ProductChanged> =>
    answer.name === 'ProductRequestRefused'
      ? { outcome: 'refused', ...answer.data, replayed }
      : { outcome: 'applied', product: await products.found(productId), replayed };

  const earlierOf = async ({ requestId, commandHash }: KeyedRequest): Promise<Verdict['answer'] | 'key_reused' | null> => {
    const earlier = await store.verdict(requestId);
    if (earlier === null) return null;
    return earlier.commandHash === commandHash ? earlier.answer : 'key_reused';
  };

  const change = async (asked: ProductChange, context: CallContext): Promise<ProductChanged> => {
    const { productId, idempotencyKey } = asked;
    if (!(await products.exists(productId))) return { outcome: 'not_found' };
    const scope = { caller: context.caller.id, of: 'product', id: productId } as const;
    const keyed = idempotencyKey === null ? null : keyedRequest({ ...scope, key: idempotencyKey }, [asked.asked.name, asked.asked.data]);
    const request = requestOf(asked, keyed, context);
    // Before the ledger is asked: what is answered in between is heard.
    const pending = outstanding.register(request.id, shareOf(request.actor));
    try {
      const earlier = keyed === null ? null : await earlierOf(keyed);
      if (earlier === 'key_reused') return { outcome: 'key_reused' };
      if (earlier !== null) return await settled(productId, earlier, true);
      const place = await appendOrGiveUp(appender, encodeProductEvent(request, topic, context.traceparent));
      const answer = await pending.within(decisionWaitMs);
      if (answer === null) {
        if (place !== null) pending.abandon();
        return { outcome: place === null ? 'unknown' : 'pending', requestId: request.id };
      }
      // Two with one key at the same time: the answer is to the one that the ledger saw first.
      if (keyed !== null && (await earlierOf(keyed)) === 'key_reused') return { outcome: 'key_reused' };
      return await settled(productId, answer as Verdict['answer'], false);
    } finally {
      pending.release();
    }
  };
  return { create, change };
};
