// api/products/catalogue.ts: every product in the api's memory: what pricing an order needs to know, so that no submission asks
// anybody. It starts from the ledger's products, reads on from where the ledger stands, and tells what it folds.

import type { Assignment, LogRecord, Reader, ReaderHandlers } from '../../shared/log/log.ts';
import { decodeProductEvent } from '../../shared/log/product-codec.ts';
import type { ProductEvent } from '../../shared/product/events.ts';
import { evolveProduct, type Product } from '../../shared/product/product.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createPositionWaits, type Place } from '../position-waits.ts';
import type { ProductStore } from './product-store.ts';

/** What pricing needs of a product. About 150 bytes each. */
export interface CatalogueEntry {
  priceMinor: number;
  version: number;
  createdEventId: string;
}

/** The record that answers a request: the ledger gives every request one verdict (R11), so the first that names it is the answer. */
export interface ProductAnswer {
  event: ProductEvent;
  place: Place;
}

export interface CatalogueOptions {
  partitionCount: number;
  createReader: (handlers: ReaderHandlers) => Reader;
  store: Pick<ProductStore, 'snapshot'>;
  logger: Logger;
  onAnswer: (requestId: string, answer: ProductAnswer) => void;
  onFatal: (error: Error) => void;
}

export interface Catalogue {
  start: () => Promise<void>;
  stop: () => Promise<void>;
  get: (productId: string) => CatalogueEntry | undefined;
  /** A product that was created lately: the ledger may not have it yet. */
  recent: (productId: string) => Product | null;
  size: () => number;
  waitRead: (place: Place, limitMs: number) => Promise<boolean>;
  /** Readiness: null or what is missing. */
  check: () => string | null;
}

// The ledger takes new products within milliseconds; these are kept for the time in which no processor runs.
const RECENT_MAX = 10_000;
const RETRY_MS = 500;

export const createCatalogue = (options: CatalogueOptions): Catalogue => {
  const { partitionCount, store, logger, onAnswer, onFatal } = options;
  const entries = new Map<string, CatalogueEntry>();
  const recent = new Map<string, Product>();
  const positions = new Array<number>(partitionCount).fill(0);
  const read = createPositionWaits(({ partition, offset }) => positions[partition]! > offset);
  let caughtUpAt: number[] | null = null;
  let stopped = false;

  const fold = (event: ProductEvent): void => {
    if (event.kind !== 'fact') return;
    const known = entries.get(event.productId);
    // Seeded entries may be ahead of the log by decisions whose facts are still to come: those change nothing more.
    if (event.version !== (known?.version ?? 0) + 1) return;
    if (event.name === 'ProductCreated') {
      const { product } = evolveProduct(null, event);
      entries.set(event.productId, { priceMinor: event.data.price_minor, version: 1, createdEventId: event.id });
      recent.set(event.productId, product!);
      if (recent.size > RECENT_MAX) recent.delete(recent.keys().next().value!);
      return;
    }
    if (known === undefined) return;
    const priceMinor = event.name === 'ProductUpdated' ? event.data.price_minor : known.priceMinor;
    entries.set(event.productId, { ...known, priceMinor, version: event.version });
    const young = recent.get(event.productId);
    if (young) recent.set(event.productId, evolveProduct(young, event).product!);
  };

  const onRecords = (partition: number, records: LogRecord[]): void => {
    for (const record of records) {
      const decoded = decodeProductEvent(record);
      if (!decoded.ok) continue; // without effect, for every reader
      const { event } = decoded;
      fold(event);
      if (event.kind !== 'request' && event.causationId !== null) {
        onAnswer(event.causationId, { event, place: { partition, offset: record.offset } });
      }
    }
    positions[partition] = records.at(-1)!.offset + 1;
    read.moved(partition);
  };

  const reader = options.createReader({
    startOffsets: async () => new Map(positions.entries()),
    onAssigned: (assignments: Assignment[]) => {
      caughtUpAt ??= new Array<number>(partitionCount).fill(0);
      for (const { partition, highWatermark } of assignments) caughtUpAt[partition] = highWatermark;
    },
    onRevoked: () => {}, // alone in its group: what is taken away comes back
    onRecords,
    onFatal,
  });

  const seed = async (): Promise<void> => {
    for (let attempt = 0; !stopped; attempt += 1) {
      try {
        const { products, starts } = await store.snapshot();
        for (const { productId, ...entry } of products) entries.set(productId, entry);
        for (const [partition, offset] of starts) positions[partition] = offset;
        return;
      } catch (error) {
        if (!(error instanceof AppError && error.retryable)) throw error;
        logger[attempt === 0 ? 'warn' : 'debug']({ err: error }, 'waiting for the ledger: the catalogue');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };

  return {
    start: async () => {
      await seed();
      if (!stopped) await reader.start();
    },
    stop: async () => {
      stopped = true;
      await reader.stop();
    },
    get: (productId) => entries.get(productId),
    recent: (productId) => recent.get(productId) ?? null,
    size: () => entries.size,
    waitRead: read.wait,
    check: () => {
      if (caughtUpAt === null) return 'The catalogue has not started yet.';
      return positions.some((position, partition) => position < caughtUpAt![partition]!) ? 'The catalogue has not caught up yet.' : null;
    },
  };
};
