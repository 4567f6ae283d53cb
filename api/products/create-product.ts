// api/products/create-product.ts: creates products by a fact of the api: the log decides which client was first with an id (R11).
// With an Idempotency-Key the id follows from the key, and a repetition is answered by the fact that won. No HTTP in here.

import { createHash, randomUUIDv7 } from 'node:crypto';
import { encodeProductEvent } from '../../shared/log/codec/product-codec.ts';
import type { Appender } from '../../shared/log/log.ts';
import type { ProductCreated } from '../../shared/product/events.ts';
import { evolveProduct } from '../../shared/product/product.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { countdown } from '../../shared/runtime/within.ts';
import type { CallContext } from '../access/call-context.ts';
import { KEYED_PREFIX } from '../http/ids.ts';
import { appendOrGiveUp } from '../requests/append-in-time.ts';
import type { Catalogue } from './catalogue.ts';
import type { ProductRow, ProductStore } from './product-store.ts';
import { unreadRow } from './product-view.ts';

export interface NewProduct {
  /** Chosen by the client, else null. Never together with a key. */
  productId: string | null;
  idempotencyKey: string | null;
  name: string;
  description: string | null;
  priceMinor: number;
  stock: number;
}

export type ProductCreation =
  /** As its creation made it. `replayed`: an earlier request with the same key and command did. */
  | { outcome: 'created'; product: ProductRow; replayed: boolean }
  | { outcome: 'taken' }
  | { outcome: 'key_reused' }
  | { outcome: 'pending'; productId: string }
  | { outcome: 'overloaded' }
  | { outcome: 'unknown'; productId: string };

/** Rejects with LOG_OVERLOADED or LOG_UNAVAILABLE, then nothing was recorded; and with DATABASE_UNAVAILABLE, when a repetition cannot be answered. */
export type CreateProduct = (product: NewProduct, context: CallContext) => Promise<ProductCreation>;

export interface CreateProductOptions {
  topic: string;
  currency: string;
  /** PRODUCTS_MAX. */
  productsMax: number;
  appender: Appender;
  catalogue: Pick<Catalogue, 'get' | 'size' | 'waitRead' | 'recentCreation'>;
  store: Pick<ProductStore, 'verdict'>;
  now: () => number;
}

// For the append and the verdict together, as long as the append alone may take: see append-in-time.ts.
const VERDICT_MAX_MS = 5_000;

interface Keyed {
  productId: string;
  commandHash: string;
}

export const createCreateProduct = ({
  topic,
  currency,
  productsMax,
  appender,
  catalogue,
  store,
  now,
}: CreateProductOptions): CreateProduct => {
  const creationOf = (product: NewProduct, keyed: Keyed | null, { caller, correlationId }: CallContext): ProductCreated => ({
    kind: 'fact',
    name: 'ProductCreated',
    id: randomUUIDv7(),
    productId: keyed?.productId ?? product.productId ?? randomUUIDv7(),
    version: 1,
    time: now(),
    actor: caller.actor,
    causationId: null,
    correlationId,
    data: {
      name: product.name,
      description: product.description,
      price_minor: product.priceMinor,
      currency,
      stock: product.stock,
      id_origin: product.productId === null ? 'server' : 'client',
      command_hash: keyed?.commandHash ?? null,
    },
  });

  /** The creation that won, of a product that the catalogue has: from memory while it is young, else from the ledger. */
  const winnerOf = async (productId: string, createdEventId: string): Promise<ProductCreated> => {
    const young = catalogue.recentCreation(productId);
    if (young !== null) return young;
    const answer = (await store.verdict(createdEventId))?.answer;
    if (answer?.name !== 'ProductCreated')
      throw new AppError('DATABASE_UNAVAILABLE', 'The ledger does not have this creation yet, or not any more.');
    return { ...answer, kind: 'fact', productId, actor: '', causationId: null, correlationId: null };
  };

  /** Null: the catalogue does not have it. */
  const repeated = async ({ productId, commandHash }: Keyed): Promise<ProductCreation | null> => {
    const known = catalogue.get(productId);
    if (known === undefined) return null;
    const winner = await winnerOf(productId, known.createdEventId);
    if (winner.data.command_hash !== commandHash) return { outcome: 'key_reused' };
    return { outcome: 'created', product: rowOf(winner), replayed: true };
  };

  return async (product, context) => {
    const keyed = product.idempotencyKey === null ? null : keyedProduct(context.caller.id, product.idempotencyKey, product);
    const known = keyed === null ? null : await repeated(keyed);
    if (known !== null) return known;
    const event = creationOf(product, keyed, context);
    const { productId } = event;
    if (catalogue.get(productId) !== undefined) return { outcome: 'taken' };
    if (catalogue.size() >= productsMax) return { outcome: 'overloaded' };
    const left = countdown(VERDICT_MAX_MS);
    const place = await appendOrGiveUp(appender, encodeProductEvent(event, topic, context.traceparent));
    if (place === null) return { outcome: 'unknown', productId };
    // The log decides which client was first with an id; and the next order of the product finds it priced, on this instance at least.
    if (!(await catalogue.waitRead(place, left()))) return { outcome: 'pending', productId };
    if (catalogue.get(productId)?.createdEventId === event.id) return { outcome: 'created', product: rowOf(event), replayed: false };
    return (keyed && (await repeated(keyed))) ?? { outcome: 'taken' };
  };
};

/** A product as it was created: the same for every repetition. */
const rowOf = (created: ProductCreated): ProductRow => unreadRow(evolveProduct(null, created).product!);

/** 256 bits: no client can make two keys collide; and no order has such an id, because a key has no NUL. */
const keyedProduct = (caller: string, key: string, { name, description, priceMinor, stock }: NewProduct): Keyed => {
  const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');
  return {
    productId: `${KEYED_PREFIX}${hash(`${caller}\0product\0${key}`)}`,
    commandHash: hash(JSON.stringify([name, description, priceMinor, stock])),
  };
};
