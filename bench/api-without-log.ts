// bench/api-without-log.ts: the api's app with a submission that appends nothing: what POST /orders costs before the log comes
// in. Validation, normalising, ids, headers and answer are the service's own; no record is made, let alone sent.

import { randomUUIDv7 } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import { createAccess } from '../api/access/access.ts';
import { buildApp } from '../api/app.ts';
import { createFeed } from '../api/feed/feed.ts';
import { createApiMetrics } from '../api/metrics.ts';
import { createPriceLines } from '../api/orders/price-lines.ts';
import { createPricing } from '../api/orders/pricing.ts';
import type { SubmitOrder } from '../api/orders/submit-order.ts';
import { createAdmission } from '../api/overload/admission.ts';
import { createBulkGate } from '../api/overload/bulk-gate.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { ACCESS_OFF, NO_ACCOUNTS } from './system/access-off.ts';
import { createdData } from './system/created-data.ts';

const unused = (): Promise<never> => Promise.reject(new Error('this server only takes orders'));

const priceLines = createPriceLines({
  price: createPricing({ priceOf: () => null, catalog: 'open' }),
  catalogue: { isCaughtUp: () => true },
  readToEnd: unused,
});

const submitNothing: SubmitOrder = async ({ order, actor, correlationId }) => {
  const { items, totalMinor } = await priceLines(order);
  return {
    outcome: 'created',
    replayed: false,
    place: { partition: 0, offset: 0 },
    created: {
      kind: 'fact',
      name: 'OrderCreated',
      id: randomUUIDv7(),
      orderId: randomUUIDv7(),
      version: 1,
      time: Date.now(),
      actor,
      causationId: null,
      correlationId,
      data: createdData({ user_id: order.userId, items, total_minor: totalMinor }),
    },
  };
};

const buildApiWithoutLog = (): Promise<FastifyInstance> => {
  const registry = new Registry();
  const metrics = createApiMetrics(registry);
  return buildApp({
    topic: 'orders',
    currency: 'USD',
    version: '0.0.0',
    decisionWaitMs: 5_000,
    submitOrder: submitNothing,
    isSeeded: () => true,
    commandOrder: unused,
    changeProducts: { create: unused, change: unused },
    readProducts: { fresh: unused, page: unused, requestState: unused },
    orders: { fresh: unused, known: unused, caughtUp: unused },
    bulkGate: createBulkGate({ openOrders: () => 0, openOrdersMax: 1, spare: () => true }),
    admission: createAdmission({ maxPerSecond: null }),
    events: { page: unused, asOf: unused, requestOf: unused },
    readModel: { page: unused, counters: unused },
    consistency: { reached: unused },
    feed: createFeed({ publishedOffsets: () => [], metrics: metrics.feed }),
    metrics,
    registry,
    checks: {},
    access: createAccess(ACCESS_OFF, NO_ACCOUNTS),
    logger: createLogger('api', 'warn'),
  });
};

process.once('message', async () => {
  const app = await buildApiWithoutLog();
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.send!({ port: (app.server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit());
