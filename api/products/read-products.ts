// api/products/read-products.ts: products as of now: the catalogue says which exist, the ledger their numbers.
// A product can be read right after its 201, and its stock right after the answer that changed it, on every instance.

import { AppError } from '../../shared/runtime/app-error.ts';
import type { Catalogue } from './catalogue.ts';
import type { ProductRow, ProductStore } from './product-store.ts';
import { unreadRow } from './product-view.ts';
import type { ReadToEnd } from './read-to-end.ts';

export interface ReadProductsOptions {
  catalogue: Pick<Catalogue, 'get' | 'recent' | 'size'>;
  store: Pick<ProductStore, 'find' | 'page' | 'verdict'>;
  readToEnd: ReadToEnd;
}

export interface ReadProducts {
  /** Whether there is such a product, at some moment after the call. Rejects with LOG_UNAVAILABLE. */
  exists: (productId: string) => Promise<boolean>;
  /** A product that is known to exist. Rejects with DATABASE_UNAVAILABLE while its stock is not known. */
  found: (productId: string) => Promise<ProductRow>;
  /**
   * The product as of some moment after the call; null if the log had none until then. Rejects with LOG_UNAVAILABLE, and with
   * DATABASE_UNAVAILABLE while its stock is not known.
   */
  fresh: (productId: string) => Promise<ProductRow | null>;
  /** In the order of their ids, from behind `after` on, as the ledger has them. Rejects with DATABASE_UNAVAILABLE. */
  page: (after: string | null, limit: number) => Promise<ProductRow[]>;
  /** What became of a request about this product, as the ledger has it. Rejects with DATABASE_UNAVAILABLE. */
  requestState: (productId: string, requestId: string) => Promise<ProductRequestState>;
}

/** `pending`: not decided, or no such request. `code`: why it was refused. */
export interface ProductRequestState {
  state: 'pending' | 'applied' | 'refused';
  code: string | null;
}

export const createReadProducts = ({ catalogue, store, readToEnd }: ReadProductsOptions): ReadProducts => {
  // The catalogue has every product that this process has read, so only "there is none" needs the log's word.
  const exists = async (productId: string): Promise<boolean> => {
    if (catalogue.get(productId) === undefined) await readToEnd([productId]);
    return catalogue.get(productId) !== undefined;
  };
  // The ledger decides before the log has the answer, so a row is never older than an answer that a client has received.
  const found = async (productId: string): Promise<ProductRow> => {
    const row = await store.find(productId);
    if (row !== null) return row;
    const young = catalogue.recent(productId);
    if (young === null) throw new AppError('DATABASE_UNAVAILABLE', 'The ledger does not have this product yet, or not any more.');
    return unreadRow(young);
  };
  const fresh = async (productId: string): Promise<ProductRow | null> => ((await exists(productId)) ? found(productId) : null);
  const page = async (after: string | null, limit: number): Promise<ProductRow[]> => {
    const rows = await store.page(after, limit);
    if (rows === null && catalogue.size() > 0) throw new AppError('DATABASE_UNAVAILABLE', 'There is no ledger.');
    return rows ?? [];
  };

  const requestState = async (productId: string, requestId: string): Promise<ProductRequestState> => {
    const verdict = await store.verdict(requestId);
    if (verdict?.productId !== productId) return { state: 'pending', code: null };
    const { answer } = verdict;
    return answer.name === 'ProductRequestRefused' ? { state: 'refused', code: answer.data.code } : { state: 'applied', code: null };
  };
  return { exists, found, fresh, page, requestState };
};
