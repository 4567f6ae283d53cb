// api/products/change-products.ts: changes products by requests that the processor answers (R11).
// Holds the waits: the append, the answer, and the ledger. No HTTP in here.

import { randomUUIDv7 } from 'node:crypto';
import { encodeProductEvent } from '../../shared/log/codec/product-codec.ts';
import type { ProductEventData, ProductRequest } from '../../shared/product/events.ts';
import { unlessUnavailable } from '../../shared/runtime/app-error.ts';
import { countdown } from '../../shared/runtime/within.ts';
import type { CallContext } from '../access/call-context.ts';
import { appendOrGiveUp } from '../requests/append-in-time.ts';
import { type KeyedRequest, keyedRequest } from '../requests/keyed-request.ts';
import { type OutstandingRequests, shareOf } from '../requests/outstanding-requests.ts';
import type { ProductAnswer } from './catalogue.ts';
import { type CreateProduct, type CreateProductOptions, createCreateProduct } from './create-product.ts';
import type { ProductRow, Verdict } from './product-store.ts';
import type { ReadProducts } from './read-products.ts';

/** What a client asks of a product. */
export interface ProductChange {
  productId: string;
  asked: Asking;
  idempotencyKey: string | null;
}

type Asking = {
  [N in ProductRequest['name']]: { name: N; data: Omit<ProductEventData[N], 'command_hash' | 'expected_version'> };
}[ProductRequest['name']];

export type ProductChanged =
  | { outcome: 'applied'; product: ProductRow; replayed: boolean }
  | { outcome: 'refused'; code: string; detail: string; replayed: boolean }
  | { outcome: 'not_found' }
  | { outcome: 'key_reused' }
  | { outcome: 'pending'; requestId: string }
  | { outcome: 'unknown'; requestId: string };

export interface ChangeProducts {
  create: CreateProduct;
  change: (change: ProductChange, context: CallContext) => Promise<ProductChanged>;
}

export interface ChangeProductsOptions extends CreateProductOptions {
  products: Pick<ReadProducts, 'exists' | 'found'>;
  outstanding: OutstandingRequests<ProductAnswer>;
  decisionWaitMs: number;
}

export const createChangeProducts = (options: ChangeProductsOptions): ChangeProducts => {
  const { topic, appender, products, store, outstanding, decisionWaitMs, now } = options;

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

  const settled = async (productId: string, answer: Verdict['answer'], replayed: boolean): Promise<ProductChanged> => {
    if (answer.name === 'ProductRequestRefused') return { outcome: 'refused', ...answer.data, replayed };
    const result = 'result' in answer.data ? answer.data.result : null;
    // Facts of before do not say what they made of the product: then it is as it is by now.
    const product = result ? { product_id: productId, version: answer.version, ...result } : await products.found(productId);
    return { outcome: 'applied', product, replayed };
  };

  const earlierOf = async ({ requestId, commandHash }: KeyedRequest): Promise<Verdict['answer'] | 'key_reused' | null> => {
    const earlier = await store.verdict(requestId);
    if (earlier === null) return null;
    return earlier.commandHash === commandHash ? earlier.answer : 'key_reused';
  };

  /** What has come of a request that was answered. */
  const comeOf = async ({ productId }: ProductRequest, keyed: KeyedRequest | null, answer: Verdict['answer']): Promise<ProductChanged> => {
    // Two with one key at the same time: the answer is to the one that the ledger saw first.
    if (keyed !== null && (await earlierOf(keyed)) === 'key_reused') return { outcome: 'key_reused' };
    return settled(productId, answer, false);
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
      const left = countdown(decisionWaitMs);
      const appended = appendOrGiveUp(appender, encodeProductEvent(request, topic, context.traceparent));
      // The answer may come before an acknowledgement that is lost on its way.
      const answer = await Promise.race([pending.answer, appended.then(() => pending.within(left()))]);
      if (answer !== null)
        return (await unlessUnavailable(comeOf(request, keyed, answer))) ?? { outcome: 'pending', requestId: request.id };
      if ((await appended) === null) return { outcome: 'unknown', requestId: request.id };
      pending.abandon();
      return { outcome: 'pending', requestId: request.id };
    } finally {
      pending.release();
    }
  };
  return { create: createCreateProduct(options), change };
};
