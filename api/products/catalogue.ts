// api/products/catalogue.ts: every product in the api's memory, for pricing orders without a query.
// It starts from the ledger's products, reads the log on from there, and reports what it folds.

import { productDecoderFor } from '../../shared/log/codec/product-codec.ts';
import { type Assignment, type LogRecord, offsetAfter, type Reader, type ReaderHandlers } from '../../shared/log/log.ts';
import type { CheckMarks } from '../../shared/log/read/check-marks.ts';
import { createHalts, decodeKnown } from '../../shared/log/read/halts.ts';
import type { ProductCreated, ProductFact, ProductRefusal } from '../../shared/product/events.ts';
import { answeredBy, evolveProduct, type Product, type ProductEffect } from '../../shared/product/product.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage } from '../../shared/runtime/outage.ts';
import { createPositionWaits, type LogPosition } from '../reads/position-waits.ts';
import type { CatalogueEntry, ProductStore } from './product-store.ts';

/** The first effective record that names a request (R2): the fact that it asked for, or its refusal. */
export type ProductAnswer = ProductFact | ProductRefusal;

export interface CatalogueOptions {
  partitionCount: number;
  createReader: (handlers: ReaderHandlers) => Reader;
  store: Pick<ProductStore, 'snapshot'>;
  /** Of the topic, for the ledger (R17). */
  checkMarks: CheckMarks;
  logger: Logger;
  onAnswer: (requestId: string, answer: ProductAnswer) => void;
  onFatal: (error: Error) => void;
}

export interface Catalogue {
  /** Rejects with LOG_MISMATCH where the ledger's products are of another log. */
  start: () => Promise<void>;
  stop: () => Promise<void>;
  get: (productId: string) => CatalogueEntry | undefined;
  /** A product that was created lately: the ledger may not have it yet. */
  recent: (productId: string) => Product | null;
  /** How it was created, of the same ones. */
  recentCreation: (productId: string) => ProductCreated | null;
  size: () => number;
  waitRead: (place: LogPosition, limitMs: number) => Promise<boolean>;
  /** Whether it has everything that was in the log when reading began, here and after every pause of the broker. */
  isCaughtUp: () => boolean;
  /** Why part of the log is not read on, for a person; null while all of it is. */
  cannotReadOn: () => string | null;
  /** Readiness: null or what is missing. */
  check: () => string | null;
}

// The ledger takes new products within milliseconds; these are kept for the time in which no processor runs.
const RECENT_MAX = 10_000;
const RETRY_MS = 500;

export const createCatalogue = (options: CatalogueOptions): Catalogue => {
  const { partitionCount, store, logger, onAnswer, onFatal } = options;
  const entries = new Map<string, CatalogueEntry>();
  const recent = new Map<string, { product: Product; created: ProductCreated }>();
  const positions = new Array<number>(partitionCount).fill(0);
  const read = createPositionWaits(({ partition, offset }) => positions[partition]! > offset);
  const decode = productDecoderFor(partitionCount);
  const halts = createHalts(logger);
  let caughtUpAt: number[] | null = null;
  let stopped = false;

  const fold = (fact: ProductFact): ProductEffect => {
    const { productId, version } = fact;
    const known = entries.get(productId);
    if (version !== (known?.version ?? 0) + 1 || (known === undefined) !== (fact.name === 'ProductCreated')) return 'void';
    if (fact.name === 'ProductCreated') {
      const product = evolveProduct(null, fact).product!;
      entries.set(productId, { priceMinor: product.priceMinor, version, createdEventId: product.createdEventId });
      recent.set(productId, { product, created: fact });
      if (recent.size > RECENT_MAX) recent.delete(recent.keys().next().value!);
      return 'applied';
    }
    const before = known!; // as arbitration has found
    const priceMinor = fact.name === 'ProductUpdated' ? fact.data.price_minor : before.priceMinor;
    entries.set(productId, { ...before, priceMinor, version });
    const young = recent.get(productId);
    if (young) young.product = evolveProduct(young.product, fact).product!;
    return 'applied';
  };

  const onRecords = (partition: number, records: LogRecord[]): void | Promise<void> => {
    const { decoded: batch, unknown } = decodeKnown(records, decode);
    for (const decoded of batch) {
      if (!decoded.ok) continue; // without effect; the processor sets it aside in the dead-letter topic
      const { event } = decoded;
      if (event.kind === 'request') continue;
      const requestId = answeredBy(event, event.kind === 'fact' ? fold(event) : 'refusal');
      if (requestId !== null) onAnswer(requestId, event);
    }
    const last = records[batch.length - 1];
    if (last !== undefined) positions[partition] = offsetAfter(last);
    read.moved(partition);
    if (unknown !== null) return halts.halt(partition, unknown);
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

  const outage = createOutage(logger, 'reading the catalogue from the ledger');
  const seed = async (): Promise<void> => {
    while (!stopped) {
      try {
        const { products, starts, marks } = await store.snapshot();
        await options.checkMarks(marks);
        for (const { productId, ...entry } of products) entries.set(productId, entry);
        for (const [partition, offset] of starts) {
          positions[partition] = offset;
          read.moved(partition);
        }
        outage.over();
        return;
      } catch (error) {
        if (!(error instanceof AppError && error.retryable)) throw error;
        outage.failed(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };

  const isCaughtUp = (): boolean => caughtUpAt !== null && positions.every((position, partition) => position >= caughtUpAt![partition]!);

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
    recent: (productId) => recent.get(productId)?.product ?? null,
    recentCreation: (productId) => recent.get(productId)?.created ?? null,
    size: () => entries.size,
    waitRead: (place, limitMs) => read.wait(place, halts.isHalted(place.partition) ? 0 : limitMs),
    isCaughtUp,
    cannotReadOn: halts.why,
    check: () => halts.why() ?? (isCaughtUp() ? null : 'The catalogue has not read all that is in the log.'),
  };
};
