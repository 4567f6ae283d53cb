// tests/support/in-memory/products.ts: the ledger's products as the api sees them, set by the test.

import type { CatalogueSnapshot, ProductRow, ProductStore, Verdict } from '../../../api/products/product-store.ts';

export const createMemoryProducts = () => {
  const rows = new Map<string, ProductRow>();
  const verdicts = new Map<string, Verdict>();
  /** What a catalogue that starts now begins with. */
  const snapshot: CatalogueSnapshot = { starts: new Map(), products: [] };
  const store: ProductStore = {
    snapshot: async () => snapshot,
    find: async (id) => rows.get(id) ?? null,
    page: async (after, limit) =>
      [...rows.values()]
        .filter(({ product_id: id }) => after === null || id > after)
        .sort((one, other) => (one.product_id < other.product_id ? -1 : 1))
        .slice(0, limit),
    verdict: async (id) => verdicts.get(id) ?? null,
  };
  return { rows, verdicts, snapshot, store };
};
