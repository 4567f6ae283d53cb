// tests/simulation/environment/product-store.ts: the ledger's products as the api reads them (api/products/product-store.ts).

import type { ProductRow, ProductStore } from '../../../api/products/product-store.ts';
import { type LedgerProduct, resultOf } from '../../../processor/ledger/products/product-requests.ts';
import type { LogMark } from '../../../shared/log/identity/log-mismatch.ts';
import type { Product } from '../../../shared/product/product.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { LedgerTables } from '../../support/in-memory/ledger.ts';
import type { Transact } from '../../support/in-memory/read-model.ts';

type CreatedProduct = LedgerProduct & { product: Product; read: Product };
const isCreated = (known: LedgerProduct | undefined): known is CreatedProduct => known?.product != null;

const rowOf = (known: CreatedProduct): ProductRow => ({
  product_id: known.productId,
  version: known.product.version,
  ...resultOf(known.product, known),
});

export const createSimulatedProductStore = (tables: LedgerTables, topic: string, transact: Transact): ProductStore => ({
  snapshot: () =>
    transact(() => {
      if (!tables.complete) return { starts: new Map(), marks: [], products: [] };
      const starts = new Map<number, number>();
      const marks: LogMark[] = [];
      for (const [key, { start }] of tables.partitions) {
        const [of, partition] = key.split('/');
        if (of !== topic) continue;
        starts.set(Number(partition), start.offset);
        if (start.mark) marks.push({ partition: Number(partition), ...start.mark });
      }
      const products = [...tables.products.values()]
        .filter(isCreated)
        .map(({ read: { productId, priceMinor, version, createdEventId } }) => ({ productId, priceMinor, version, createdEventId }));
      return { starts, marks, products };
    }),
  find: (productId) =>
    transact(() => {
      const found = tables.products.get(productId);
      if (found === undefined && !tables.complete) throw new AppError('DATABASE_UNAVAILABLE', 'The ledger is being rebuilt.');
      return isCreated(found) ? rowOf(found) : null;
    }),
  page: (after, limit) =>
    transact(() =>
      [...tables.products.values()]
        .filter(isCreated)
        .map(rowOf)
        .filter(({ product_id: id }) => id > (after ?? ''))
        .sort((one, other) => (one.product_id < other.product_id ? -1 : 1))
        .slice(0, limit),
    ),
  verdict: (requestId) =>
    transact(() => {
      const row = tables.requests.get(requestId);
      if (row === undefined) return null;
      const { answer } = row;
      return { productId: answer.event.productId, commandHash: answer.commandHash, answer: answer.event };
    }),
});
