// api/products/change-products.ts: products are created by a fact of ours and changed by requests that the processor answers (R11).
// Holds the waits: the append, the answer, and the ledger. No HTTP in here.

import { createHash, randomUUIDv7 } from 'node:crypto';
import type { Appender } from '../../shared/log/log.ts';
import type { LogEnd } from '../../shared/log/offsets.ts';
import { encodeProductEvent } from '../../shared/log/product-codec.ts';
import type { ProductCreated, ProductEventData, ProductRequest } from '../../shared/product/events.ts';
import { evolveProduct } from '../../shared/product/product.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Answers } from '../answers.ts';
import { appendOrGiveUp } from '../append.ts';
import type { Place } from '../position-waits.ts';
import type { SubmissionContext } from '../submission-of.ts';
import type { Catalogue, ProductAnswer } from './catalogue.ts';
import type { ProductRow, ProductStore, Verdict } from './product-store.ts';
import { unreadRow } from './product-view.ts';

export interface NewProduct {
  /** Chosen by the client, else null. */
  productId: string | null;
  name: string;
  description: string | null;
  priceMinor: number;
  stock: number;
}

type Asking = {
  [N in ProductRequest['name']]: { name: N; data: Omit<ProductEventData[N], 'command_hash' | 'expected_version'> };
}[ProductRequest['name']];

export interface ProductChange {
  productId: string;
  asked: Asking;
  idempotencyKey: string | null;
}

export type ProductCreation =
  | { outcome: 'created'; product: ProductRow; place: Place }
  | { outcome: 'taken' }
  | { outcome: 'pending'; productId: string; place: Place }
  | { outcome: 'overloaded' }
  | { outcome: 'unknown'; productId: string };

export type ProductChanged =
  | { outcome: 'applied'; product: ProductRow; place: Place | null; replayed: boolean }
  | { outcome: 'refused'; code: string; detail: string; replayed: boolean }
  | { outcome: 'not_found' }
  | { outcome: 'key_reused' }
  | { outcome: 'pending'; requestId: string; place: Place }
  | { outcome: 'unknown'; requestId: string };

export interface ChangeProducts {
  create: (product: NewProduct, context: SubmissionContext) => Promise<ProductCreation>;
  change: (change: ProductChange, context: SubmissionContext) => Promise<ProductChanged>;
  /** The product as of some moment after the call; null if the log had none until then. */
  fresh: (productId: string) => Promise<ProductRow | null>;
}

export interface ChangeProductsOptions {
  topic: string;
  currency: string;
  partitionOf: (productId: string) => number;
  appender: Appender;
  catalogue: Pick<Catalogue, 'get' | 'recent' | 'size' | 'waitRead'>;
  store: Pick<ProductStore, 'find' | 'verdict'>;
  logEnd: Pick<LogEnd, 'ask'>;
  answers: Answers<ProductAnswer>;
  decisionWaitMs: number;
  now: () => number;
}

// Every api holds all products in memory, 150 bytes each: 30 MB.
export const PRODUCTS_MAX = 200_000;
// As long as an append may take: see append.ts.
const VERDICT_MAX_MS = 5_000;
const LOG_WAIT_MAX_MS = 5_000;

export const createChangeProducts = (options: ChangeProductsOptions): ChangeProducts => {
  const { topic, currency, partitionOf, appender, catalogue, store, logEnd, answers, decisionWaitMs, now } = options;

  const passEnd = async (partition: number): Promise<void> => {
    const end = (await logEnd.ask()).get(partition)?.high ?? 0;
    if (end > 0 && !(await catalogue.waitRead({ partition, offset: end - 1 }, LOG_WAIT_MAX_MS))) {
      throw new AppError('LOG_UNAVAILABLE', 'The catalogue did not reach the end of the log in time.');
    }
  };
  const known = async (productId: string): Promise<ProductRow | null> => {
    const row = await store.find(productId);
    if (row !== null) return row;
    const young = catalogue.recent(productId);
    return young === null ? null : unreadRow(young);
  };
  // The ledger decides before the log has the answer, so a row is never older than an answer that somebody has heard.
  const fresh = async (productId: string): Promise<ProductRow | null> => {
    const found = await known(productId);
    if (found !== null) return found;
    await passEnd(partitionOf(productId));
    return known(productId);
  };

  const create = async (product: NewProduct, context: SubmissionContext): Promise<ProductCreation> => {
    const productId = product.productId ?? randomUUIDv7();
    if (product.productId !== null && (catalogue.get(productId) !== undefined || (await store.find(productId)) !== null)) {
      return { outcome: 'taken' };
    }
    if (catalogue.size() >= PRODUCTS_MAX) return { outcome: 'overloaded' };
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
    // Who was first with an id the log decides; and whoever orders the product next finds it priced, here at least.
    if (!(await catalogue.waitRead(place, VERDICT_MAX_MS))) return { outcome: 'pending', productId, place };
    if (catalogue.get(productId)?.createdEventId !== event.id) return { outcome: 'taken' };
    return { outcome: 'created', product: unreadRow(evolveProduct(null, event).product!), place };
  };

  const requestOf = ({ productId, asked }: ProductChange, keyed: Keyed | null, context: SubmissionContext): ProductRequest =>
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

  const settled = async (
    productId: string,
    { answer }: Pick<Verdict, 'answer'>,
    place: Place | null,
    replayed: boolean,
  ): Promise<ProductChanged> => {
    if (answer.name === 'ProductRequestRefused') return { outcome: 'refused', ...answer.data, replayed };
    const product = await store.find(productId);
    if (product === null) throw new AppError('DATABASE_UNAVAILABLE', 'The ledger is being made anew.');
    return { outcome: 'applied', product, place, replayed };
  };

  const change = async (asked: ProductChange, context: SubmissionContext): Promise<ProductChanged> => {
    const { productId, idempotencyKey } = asked;
    if ((await fresh(productId)) === null) return { outcome: 'not_found' };
    const keyed = idempotencyKey === null ? null : keyedRequest(context.caller.id, idempotencyKey, asked);
    const request = requestOf(asked, keyed, context);
    // Before the ledger is asked: what is answered in between is heard.
    const waiting = answers.register(request.id);
    try {
      const earlier = keyed === null ? null : await store.verdict(request.id);
      if (earlier !== null) {
        return earlier.commandHash === keyed!.commandHash ? await settled(productId, earlier, null, true) : { outcome: 'key_reused' };
      }
      const place = await appendOrGiveUp(appender, encodeProductEvent(request, topic, context.traceparent));
      const heard = await waiting.within(decisionWaitMs);
      if (heard === null)
        return place === null ? { outcome: 'unknown', requestId: request.id } : { outcome: 'pending', requestId: request.id, place };
      // Two with one key at the same time: the verdict is about the command that the ledger saw first.
      if (keyed !== null && (await store.verdict(request.id))?.commandHash !== keyed.commandHash) return { outcome: 'key_reused' };
      return await settled(productId, { answer: heard.event as Verdict['answer'] }, heard.place, false);
    } finally {
      waiting.forget();
    }
  };
  return { create, change, fresh };
};

interface Keyed {
  requestId: string;
  commandHash: string;
}

/** The request's id follows from caller, key and product, as a uuid (RFC 9562, version 8): the ledger answers an id once. */
const keyedRequest = (caller: string, key: string, { productId, asked }: ProductChange): Keyed => {
  const bytes = createHash('sha256').update(`${caller}\0product\0${productId}\0${key}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  const requestId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  const commandHash = createHash('sha256')
    .update(JSON.stringify([asked.name, asked.data]))
    .digest('base64url');
  return { requestId, commandHash };
};
