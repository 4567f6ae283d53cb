// tests/support/in-memory/products.ts: the ledger's products as the api sees them, set by the test.

import type { CatalogueSnapshot, ProductRow, ProductStore, Verdict } from '../../../api/products/product-store.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';

export const createMemoryProducts = () => {
  const rows = new Map<string, ProductRow>();
  const verdicts = new Map<string, Verdict>();
  /** What a catalogue that starts now begins with. */
  const snapshot: CatalogueSnapshot = { starts: new Map(), marks: [], products: [] };
  const answered = <T>(answer: T): T => {
    if (products.broken) throw new AppError('DATABASE_UNAVAILABLE', 'told to be');
    return answer;
  };
  const store: ProductStore = {
    snapshot: async () => answered(snapshot),
    find: async (id) => answered(rows.get(id) ?? null),
    page: async (after, limit) =>
      answered([...rows.values()])
        .filter(({ product_id: id }) => after === null || id > after)
        .sort((one, other) => (one.product_id < other.product_id ? -1 : 1))
        .slice(0, limit),
    verdict: async (id) => answered(verdicts.get(id) ?? null),
  };
  const products = {
    rows,
    verdicts,
    snapshot,
    store,
    /** While true every question is answered with DATABASE_UNAVAILABLE. */
    broken: false,
  };
  return products;
};
