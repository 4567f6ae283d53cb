// api/api.ts: composes the api from its ports: a log to append to and to read, a read model, a registry.
// main.ts gives it the real ports, tests and the bench give it theirs. Composition only.

import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { partitionOf } from '../shared/log/append/partitioner.ts';
import type { Appender, Reader, ReaderHandlers } from '../shared/log/log.ts';
import type { CheckMarks } from '../shared/log/read/check-marks.ts';
import type { LogEnd } from '../shared/log/topics/offsets.ts';
import type { HealthCheck } from '../shared/runtime/health.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import { createAccess } from './access/access.ts';
import type { AccountStore } from './access/accounts/account-store.ts';
import type { AccessSettings } from './access/settings.ts';
import { buildApp } from './app.ts';
import type { FeedMetrics } from './feed/connected-clients.ts';
import { createFeed, type Feed } from './feed/feed.ts';
import { createApiMetrics } from './metrics.ts';
import { createCommandOrder } from './orders/command-order.ts';
import { createPriceLines } from './orders/price-lines.ts';
import { createPricing } from './orders/pricing.ts';
import { createSubmitOrder } from './orders/submit-order.ts';
import { createAdmission } from './overload/admission.ts';
import { createBulkGate } from './overload/bulk-gate.ts';
import { type Catalogue, createCatalogue, type ProductAnswer } from './products/catalogue.ts';
import { createChangeProducts } from './products/change-products.ts';
import type { ProductStore } from './products/product-store.ts';
import { createReadProducts } from './products/read-products.ts';
import { createReadToEnd } from './products/read-to-end.ts';
import { createConsistency } from './reads/consistency.ts';
import { createOrderEvents } from './reads/order-history.ts';
import { createOrderTail, type OrderTail } from './reads/order-tail.ts';
import type { ReadModel } from './reads/read-model.ts';
import { createReadOrder } from './reads/read-order.ts';
import { createRowLookup } from './reads/row-lookup.ts';
import type { OrderAnswer } from './reads/tail-memory.ts';
import { appendWhileReading } from './requests/append-while-reading.ts';
import { createOutstandingRequests } from './requests/outstanding-requests.ts';

export interface ApiSettings {
  topic: string;
  partitionCount: number;
  currency: string;
  version: string;
  openOrdersMax: number;
  tailMax: number;
  /** Null: as many as there is room for. */
  admissionMaxPerSecond?: number | null;
  productsMax: number;
  decisionWaitMs: number;
  catalog: 'open' | 'closed';
  access: AccessSettings;
}

export interface ApiPorts {
  appender: Appender;
  /** A reader of the whole topic that is alone in its group. */
  createReader: (handlers: ReaderHandlers) => Reader;
  logEnd: Pick<LogEnd, 'ask'>;
  /** Whether what the read model was made from is this log (R17). */
  checkMarks: CheckMarks;
  readModel: ReadModel;
  products: ProductPorts;
  accounts: AccountStore;
  /** Beside those of the tail. */
  checks?: Readonly<Record<string, HealthCheck>>;
  registry: Registry;
  logger: Logger;
  onProgress: () => void;
  onFatal: (error: Error) => void;
}

export interface PartsPorts extends Omit<ApiPorts, 'accounts' | 'checks' | 'registry'> {
  feedMetrics: FeedMetrics;
}

/** The topic `products` and what the ledger knows of it. */
export interface ProductPorts {
  topic: string;
  partitionCount: number;
  createReader: (handlers: ReaderHandlers) => Reader;
  logEnd: Pick<LogEnd, 'ask'>;
  /** Whether what the ledger was made from is this log (R17). */
  checkMarks: CheckMarks;
  store: ProductStore;
}

export interface Api {
  /** Listens or injects; answers 503 where the tail is needed until it is seeded. */
  app: FastifyInstance;
  tail: OrderTail;
  catalogue: Catalogue;
  feed: Feed;
  /** What must hold for the api to be ready. */
  checks: Readonly<Record<string, HealthCheck>>;
}

/** Everything behind the routes. The simulation (tests/simulation) drives this, without HTTP. */
export const composeParts = (settings: Omit<ApiSettings, 'version' | 'access'>, ports: PartsPorts) => {
  const { topic, partitionCount, currency } = settings;
  const { createReader, logEnd, readModel, feedMetrics, logger, onProgress, onFatal } = ports;
  const partition = (orderId: string): number => partitionOf(orderId, partitionCount);

  const feed = createFeed({ publishedOffsets: () => tail.publishedOffsets(), metrics: feedMetrics });
  const outstanding = createOutstandingRequests<OrderAnswer>();
  const tail = createOrderTail({
    partitionCount,
    partitionOf: partition,
    createReader,
    readModel,
    checkMarks: ports.checkMarks,
    tailMax: settings.tailMax,
    logger,
    onChanges: feed.onChanges,
    onAnswer: outstanding.resolve,
    onProgress,
    onFatal,
  });
  const orders = createReadOrder({ tail, rows: createRowLookup(readModel), logEnd, partitionOf: partition });
  const events = createOrderEvents({ tail, readModel });
  const outstandingChanges = createOutstandingRequests<ProductAnswer>();
  const catalogue = createCatalogue({
    partitionCount: ports.products.partitionCount,
    createReader: ports.products.createReader,
    store: ports.products.store,
    checkMarks: ports.products.checkMarks,
    logger,
    onAnswer: outstandingChanges.resolve,
    onFatal,
  });
  const appender = appendWhileReading(ports.appender, () => tail.cannotReadOn() ?? catalogue.cannotReadOn());
  const readToEnd = createReadToEnd({
    catalogue,
    logEnd: ports.products.logEnd,
    partitionOf: (productId) => partitionOf(productId, ports.products.partitionCount),
  });
  const price = createPricing({ priceOf: (id) => catalogue.get(id)?.priceMinor ?? null, catalog: settings.catalog });
  const priceLines = createPriceLines({ price, catalogue, readToEnd });
  const readProducts = createReadProducts({ catalogue, store: ports.products.store, readToEnd });
  const changeProducts = createChangeProducts({
    topic: ports.products.topic,
    currency,
    productsMax: settings.productsMax,
    appender,
    catalogue,
    products: readProducts,
    store: ports.products.store,
    outstanding: outstandingChanges,
    decisionWaitMs: settings.decisionWaitMs,
    now: Date.now,
  });
  const submitOrder = createSubmitOrder({
    topic,
    currency,
    openOrdersMax: settings.openOrdersMax,
    appender,
    tail,
    orders,
    creationOf: events.creationOf,
    priceLines,
    now: Date.now,
  });
  const commandOrder = createCommandOrder({
    topic,
    appender,
    orders,
    events,
    tail,
    priceLines,
    outstanding,
    decisionWaitMs: settings.decisionWaitMs,
    now: Date.now,
  });
  const consistency = createConsistency({ tail, logEnd, partitionCount });
  return {
    tail,
    catalogue,
    feed,
    orders,
    events,
    priceLines,
    readProducts,
    changeProducts,
    submitOrder,
    commandOrder,
    consistency,
    outstanding,
    outstandingChanges,
  };
};
export type ApiParts = ReturnType<typeof composeParts>;

export const createApi = async (settings: ApiSettings, ports: ApiPorts): Promise<Api> => {
  const { topic, currency, version } = settings;
  const { readModel, registry, logger } = ports;
  const metrics = createApiMetrics(registry);
  const admission = createAdmission({ maxPerSecond: settings.admissionMaxPerSecond ?? null, onRefused: metrics.requestRefused });
  const { outstanding, outstandingChanges, tail, catalogue, ...parts } = composeParts(settings, { ...ports, feedMetrics: metrics.feed });
  const checks = { ...tail.checks, catalogue: catalogue.check, ...ports.checks };
  const app = await buildApp({
    ...parts,
    topic,
    currency,
    version,
    decisionWaitMs: settings.decisionWaitMs,
    bulkGate: createBulkGate({ openOrders: tail.openOrders, openOrdersMax: settings.openOrdersMax, spare: admission.spare }),
    admission,
    readModel,
    isSeeded: tail.isSeeded,
    metrics,
    registry,
    checks,
    access: createAccess(settings.access, ports.accounts),
    logger,
  });
  app.addHook('preClose', async () => {
    outstanding.stop();
    outstandingChanges.stop();
  });
  return { app, tail, catalogue, feed: parts.feed, checks };
};
