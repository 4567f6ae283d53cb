// tests/support/in-memory/api.ts: the whole api on a log and a read model in memory.

import { Registry } from 'prom-client';
import type { AccessSettings } from '../../../api/access/settings.ts';
import { createApi } from '../../../api/api.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { eventually } from '../eventually.ts';
import { patience } from '../machine.ts';
import { ACCESS_OFF, createMemoryAccounts } from './accounts.ts';
import { createCaughtUpReadModel } from './caught-up-read-model.ts';
import { createLogPorts, TOPIC } from './log-ports.ts';
import { createMemoryProducts } from './products.ts';

export interface InMemoryOptions {
  openOrdersMax?: number;
  tailMax?: number;
  decisionWaitMs?: number;
  productsMax?: number;
  admissionMaxPerSecond?: number;
  catalog?: 'open' | 'closed';
  access?: AccessSettings;
  /** False leaves the tail unstarted. */
  start?: boolean;
}

export const startApiInMemory = async ({
  openOrdersMax = 1_000,
  tailMax = 1_000,
  decisionWaitMs = patience(5_000),
  productsMax = 1_000,
  admissionMaxPerSecond,
  catalog = 'open',
  access = ACCESS_OFF,
  start = true,
}: InMemoryOptions = {}) => {
  const partitionCount = 3;
  const log = createLogPorts(partitionCount);
  const readModel = createCaughtUpReadModel(log);
  const accounts = createMemoryAccounts();
  const fatal: Error[] = [];
  const productLog = createLogPorts(partitionCount, 'products');
  const products = createMemoryProducts();
  const { app, tail, catalogue, feed } = await createApi(
    {
      topic: TOPIC,
      partitionCount,
      currency: 'USD',
      version: '0.0.0',
      openOrdersMax,
      tailMax,
      productsMax,
      admissionMaxPerSecond: admissionMaxPerSecond ?? null,
      decisionWaitMs,
      catalog,
      access,
    },
    {
      appender: { append: (record) => (record.topic === TOPIC ? log : productLog).appender.append(record) },
      createReader: log.createReader,
      logEnd: log.logEnd,
      checkMarks: log.checkMarks,
      readModel,
      products: {
        topic: 'products',
        partitionCount,
        createReader: productLog.createReader,
        logEnd: productLog.logEnd,
        checkMarks: productLog.checkMarks,
        store: products.store,
      },
      accounts,
      registry: new Registry(),
      logger: createLogger('api', 'silent'),
      onProgress: () => {},
      onFatal: (error) => void fatal.push(error),
    },
  );
  await app.ready();
  if (start) await Promise.all([tail.start(), catalogue.start()]);
  const post = (payload: unknown, headers: Record<string, string> = {}, url = '/orders') =>
    app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', ...headers },
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    });
  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });
  /** Waits until the tail has read everything that is in the log now. */
  const caughtUp = () =>
    eventually(() => log.records.every((records, partition) => tail.position(partition) >= records.length), {
      what: 'the tail to reach the end of the log',
    });
  const stop = async () => {
    await app.close();
    await Promise.all([tail.stop(), catalogue.stop()]);
  };
  return { app, tail, catalogue, feed, productLog, products, log, readModel, accounts, fatal, post, get, caughtUp, stop };
};
export type InMemoryApi = Awaited<ReturnType<typeof startApiInMemory>>;
