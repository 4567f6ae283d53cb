// Which fulfilment a processor opens: the one that FULFILMENT names, never one that the rest of the configuration hints at.
// What it refuses at its start is in tests/unit/ops/refused-configuration.test.ts, with the process.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PROCESSOR_CONFIG } from '../../../../processor/config.ts';
import { openFulfilment } from '../../../../processor/fulfilment/open-fulfilment.ts';
import { evolve } from '../../../../shared/order/order.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { parseConfig } from '../../../../shared/runtime/config.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { created, fact } from '../../../support/builders/order-events.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const WHERE = { KAFKA_BROKERS: '127.0.0.1:1', DATABASE_URL: 'postgres://orders@127.0.0.1:1/orders' };
const order = evolve(evolve(null, created('o-1')).order, fact('OrderProcessing', 'o-1', 2, 'pending')).order!;

const open = (variables: Record<string, string>) => {
  const registry = new Registry();
  const config = parseConfig(PROCESSOR_CONFIG, { ...WHERE, ...variables });
  const fulfil = openFulfilment(config, { registry, clock: systemClock, logger: createLogger('processor', 'silent') });
  return { fulfil: () => fulfil(order, () => true), registry };
};

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

it('waits without being told anything, and asks no endpoint', async () => {
  const { fulfil, registry } = open({ PROCESSING_TIME_MS: '0' });
  expect(await fulfil()).toEqual({ outcome: 'done' });
  expect(registry.getSingleMetric('fulfilment_attempts_total'), 'only attempts at an endpoint are counted').toBeUndefined();
});

it('sends the order to the URL with FULFILMENT=http', async () => {
  const keys: unknown[] = [];
  const server = createServer((request, response) => {
    keys.push(request.headers['idempotency-key']);
    request.resume();
    response.writeHead(204).end();
  });
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const { fulfil } = open({ FULFILMENT: 'http', FULFILMENT_URL: `http://127.0.0.1:${port}/`, PROCESSING_TIME_MS: '86400000' });
  expect(await fulfil()).toEqual({ outcome: 'done' });
  expect(keys).toEqual(['o-1']);
});

it('is named by compose and by the manifests', () => {
  const yaml = (path: string) => parse(readFileSync(join(ROOT, path), 'utf8'), { merge: true });
  const { environment } = yaml('docker-compose.yml').services.processor;
  // biome-ignore lint/suspicious/noTemplateCurlyInString: compose's own syntax.
  expect(environment).toMatchObject({ FULFILMENT: '${FULFILMENT:-timed}', FULFILMENT_URL: '${FULFILMENT_URL:-}' });
  expect(yaml('ops/kubernetes/settings.yaml').data).toMatchObject({ FULFILMENT: 'timed' });
});
