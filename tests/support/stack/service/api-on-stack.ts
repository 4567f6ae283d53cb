// tests/support/stack/service/api-on-stack.ts: api instances in this process on the real broker and database.
// With a topic and a schema of their own, and a projector as a real process beside them. Without a processor a test says itself what happens
// to orders.

import { join } from 'node:path';
import { Registry } from 'prom-client';
import { inject } from 'vitest';
import { type Api, createApi } from '../../../../api/api.ts';
import { createProductStore } from '../../../../api/products/product-store.ts';
import { createReadModel, READ_MODEL_SETTINGS } from '../../../../api/reads/read-model.ts';
import { createAppender } from '../../../../shared/log/append/appender.ts';
import { encodeOrderEvent } from '../../../../shared/log/codec/order-codec.ts';
import { createLogClient } from '../../../../shared/log/connect/client.ts';
import { createCheckMarks } from '../../../../shared/log/read/check-marks.ts';
import { createReader } from '../../../../shared/log/read/reader.ts';
import { createLogEnd } from '../../../../shared/log/topics/offsets.ts';
import { ensureTopics } from '../../../../shared/log/topics/topics.ts';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { openDatabase } from '../../../../shared/postgres/database.ts';
import { migrate } from '../../../../shared/postgres/migrate.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { uniqueName } from '../../builders/unique-name.ts';
import { eventually } from '../../eventually.ts';
import { ACCESS_OFF, createMemoryAccounts } from '../../in-memory/accounts.ts';
import { patience } from '../../machine.ts';
import { startRole } from './role-process.ts';

const PARTITIONS = 4;
const SCHEMA_FOLDER = join(import.meta.dirname, '../../../../projector/schema');

export interface Instance extends Api {
  url: string;
  post: (body: unknown, headers?: Record<string, string>) => Promise<Answer>;
  get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  send: (method: string, path: string, body: unknown, headers?: Record<string, string>) => Promise<Answer>;
}
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes.
  body: any;
}

/** A schema of the read model, migrated, without a projector. */
export const openReadModel = async () => {
  const schema = uniqueName('read_model');
  const database = openDatabase({ url: inject('stack').database, schema, applicationName: 'tests', settings: READ_MODEL_SETTINGS });
  await migrate(database, SCHEMA_FOLDER);
  const drop = async () => {
    await database.query(`DROP SCHEMA ${schema} CASCADE`);
    await database.end();
  };
  return { schema, database, drop };
};

export const startApisOnStack = async (count: number) => {
  const { kafka } = inject('stack');
  const topic = uniqueName('orders');
  const productsTopic = uniqueName('products');
  const { schema, database, drop } = await openReadModel();
  const logger = createLogger('api', 'warn');
  const client = createLogClient({ brokers: kafka.split(','), clientId: 'tests', logger });
  await ensureTopics({
    client,
    topics: [topic, productsTopic].map((name) => ({ name, partitions: PARTITIONS })),
    replicationFactor: 1,
    minInsyncReplicas: 1,
  });
  const ledgerSchema = `${schema}_ledger`;
  const env = {
    ORDERS_TOPIC: topic,
    ORDERS_PARTITIONS: String(PARTITIONS),
    PRODUCTS_TOPIC: productsTopic,
    PRODUCTS_PARTITIONS: String(PARTITIONS),
    READ_MODEL_SCHEMA: schema,
    LEDGER_SCHEMA: ledgerSchema,
    LOG_LEVEL: 'warn',
  };
  const appender = createAppender({ client, partitionCounts: new Map([topic, productsTopic].map((name) => [name, PARTITIONS])) });
  const fatal: Error[] = [];
  const releases: (() => Promise<unknown>)[] = [];

  const startApi = async ({ decisionWaitMs = patience(5_000) } = {}): Promise<Instance> => {
    const logEnd = createLogEnd(client, topic);
    const productsEnd = createLogEnd(client, productsTopic);
    const api = await createApi(
      {
        topic,
        partitionCount: PARTITIONS,
        currency: 'USD',
        version: '0.0.0',
        openOrdersMax: 100_000,
        tailMax: 100_000,
        productsMax: 100_000,
        decisionWaitMs,
        catalog: 'open',
        access: ACCESS_OFF,
      },
      {
        appender,
        createReader: (handlers) =>
          createReader({ client, topic, groupId: uniqueName('api'), soleMember: true, minFetchGapMs: 0, handlers }),
        logEnd,
        checkMarks: createCheckMarks(client, topic, 'The read model'),
        products: {
          topic: productsTopic,
          partitionCount: PARTITIONS,
          createReader: (handlers) =>
            createReader({ client, topic: productsTopic, groupId: uniqueName('api'), soleMember: true, minFetchGapMs: 0, handlers }),
          logEnd: productsEnd,
          checkMarks: createCheckMarks(client, productsTopic, 'The stock ledger'),
          store: createProductStore(database, { schema: ledgerSchema, topic: productsTopic }),
        },
        readModel: createReadModel(database, topic),
        accounts: createMemoryAccounts(),
        registry: new Registry(),
        logger,
        onProgress: () => {},
        onFatal: (error) => void fatal.push(error),
      },
    );
    const url = await api.app.listen({ host: '127.0.0.1', port: 0 });
    await Promise.all([api.tail.start(), api.catalogue.start()]);
    releases.push(async () => {
      await api.app.close();
      await Promise.all([api.tail.stop(), api.catalogue.stop()]);
      await Promise.all([logEnd.stop(), productsEnd.stop()]);
    });
    await eventually(async () => (await fetch(`${url}/health/ready`)).ok, { what: 'the api to be ready' });
    const request = async (path: string, init: RequestInit): Promise<Answer> => {
      const response = await fetch(`${url}${path}`, init);
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: text === '' ? null : JSON.parse(text) };
    };
    const send: Instance['send'] = (method, path, body, headers = {}) =>
      request(path, { method, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
    return {
      ...api,
      url,
      send,
      post: (body, headers) => send('POST', '/orders', body, headers),
      get: (path, headers = {}) => request(path, { headers }),
    };
  };
  const instances: Instance[] = [];
  for (let n = 0; n < count; n += 1) instances.push(await startApi());

  return {
    topic,
    schema,
    database,
    instances,
    fatal,
    startApi,
    client,
    productsTopic,
    ledgerSchema,
    startProjector: () => startRole('projector', env),
    startProcessor: () => startRole('processor', env),
    append: (event: OrderEvent) => appender.append(encodeOrderEvent(event, topic)),
    appendRaw: appender.append,
    stop: async () => {
      await Promise.all(releases.map((release) => release()));
      await appender.stop();
      await database.query(`DROP SCHEMA IF EXISTS ${ledgerSchema} CASCADE`);
      await drop();
    },
  };
};
export type ApisOnStack = Awaited<ReturnType<typeof startApisOnStack>>;
