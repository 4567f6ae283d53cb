// api/main.ts: composes the api: configuration, log, read model, HTTP.
// Reads the environment; holds no rules.

import { readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import { createAppender } from '../shared/log/append/appender.ts';
import { createLogClient } from '../shared/log/connect/client.ts';
import { kafkaConnection } from '../shared/log/connect/connection.ts';
import { createCheckMarks } from '../shared/log/read/check-marks.ts';
import { createReader } from '../shared/log/read/reader.ts';
import { createLogEnd } from '../shared/log/topics/offsets.ts';
import { openTopics } from '../shared/log/topics/open-topics.ts';
import { openDatabase } from '../shared/postgres/database.ts';
import { createAppendMetrics } from '../shared/runtime/append-metrics.ts';
import { refuseUnprotected } from '../shared/runtime/config.ts';
import { whenReady } from '../shared/runtime/health.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { createRoleMetrics } from '../shared/runtime/metrics.ts';
import { configOf, type Releasers, runRole } from '../shared/runtime/shutdown.ts';
import { createAccountStore } from './access/accounts/account-store.ts';
import { keepAccountsSchema } from './access/accounts/accounts-schema.ts';
import { accessSettings } from './access/settings.ts';
import { createApi } from './api.ts';
import { API_CONFIG } from './config.ts';
import { newOrdersGroup, newProductsGroup } from './consumer-groups.ts';
import { createDrain } from './http/drain.ts';
import { createProductStore } from './products/product-store.ts';
import { createReadModel, READ_MODEL_SETTINGS } from './reads/read-model.ts';

// What a frame of the feed and the verdict on a keyed order wait for at most, when records come without a pause. Every fetch costs
// the same however little it brings: at 64 connections 5 ms cost 18 µs of CPU per order, 10 ms cost 11.
const FETCH_GAP_MS = 10;
// Clients give up after five seconds (append-in-time.ts): a request that comes while others have waited for nearly half of that would wait
// in vain.
const APPEND_QUEUE_AGE_MAX_MS = 2_000;
// As long as a submission waits for its append: those that came when it began have been told by then.
const APPENDS_STALLED_AFTER_MS = 5_000;
// A start takes a second or two. One that takes longer waits for something: then /health/ready says what for.
const LISTEN_LATEST_MS = 10_000;
// Longer than the parts take by their own limits (drain.ts, appender.ts), and with those of the others less than a process has.
const DRAIN_LIMIT_MS = 3_750;
const APPENDS_LIMIT_MS = 1_100;
// The loop of a reader's group looks every half second whether it is to end (shared/log/read/group.ts).
const READERS_LIMIT_MS = 750;
// Signing in and looking callers up are short questions; an outage of one kind must not take the connections of the other.
const ACCOUNTS_CONNECTIONS_MAX = 4;

const config = configOf('api', API_CONFIG, process.env);
const logger = createLogger('api', config.LOG_LEVEL);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

const openDatabases = (onStop: Releasers['onStop'], fatal: Releasers['fatal']) => {
  const database = openDatabase({
    url: config.DATABASE_URL,
    schema: config.READ_MODEL_SCHEMA,
    applicationName: 'orders-api',
    settings: READ_MODEL_SETTINGS,
    onError: (error) => logger.warn({ reason: error.message }, 'connections to the database were lost; new ones are opened as needed'),
  });
  onStop('database', () => database.end());

  const accountsDatabase = openDatabase({
    url: config.DATABASE_URL,
    schema: config.ACCOUNTS_SCHEMA,
    applicationName: 'orders-api-accounts',
    maxConnections: ACCOUNTS_CONNECTIONS_MAX,
    onError: (error) => logger.warn({ reason: error.message }, 'connections to the database were lost; new ones are opened as needed'),
  });
  onStop('accounts', () => accountsDatabase.end());
  const accountsSchema = keepAccountsSchema(accountsDatabase, logger, fatal);
  accountsSchema.start();
  onStop('accounts schema', accountsSchema.stop);
  return { database, accountsDatabase, accountsSchema };
};

/** Makes the topics where they are missing, watches their settings, and begins to take appends. */
const openLog = async (onStop: Releasers['onStop'], registry: Registry) => {
  const partitionCounts = new Map([
    [config.ORDERS_TOPIC, config.ORDERS_PARTITIONS],
    [config.PRODUCTS_TOPIC, config.PRODUCTS_PARTITIONS],
  ]);
  const client = createLogClient({ ...kafkaConnection(config), clientId: 'orders-api', logger, partitionCounts });
  const settings = await openTopics({
    client,
    registry,
    topics: Array.from(partitionCounts, ([name, partitions]) => ({ name, partitions })),
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    minInsyncReplicas: config.KAFKA_MIN_INSYNC_REPLICAS,
  });
  onStop('topics', settings.stop);
  const appender = createAppender({
    client,
    partitionCounts,
    queueAgeMaxMs: APPEND_QUEUE_AGE_MAX_MS,
    onBatch: createAppendMetrics(registry),
  });
  const logEnd = createLogEnd(client, config.ORDERS_TOPIC);
  const productsEnd = createLogEnd(client, config.PRODUCTS_TOPIC);
  onStop('log', () => Promise.all([appender.stop(), logEnd.stop(), productsEnd.stop()]), APPENDS_LIMIT_MS);
  appender.start();
  return { client, appender, logEnd, productsEnd, settings };
};

await runRole(logger, async ({ onStop, isStopping, fatal }) => {
  refuseUnprotected(config);
  const access = accessSettings(config);
  const { registry, progressed } = createRoleMetrics('api', version);
  const topic = config.ORDERS_TOPIC;
  const { database, accountsDatabase, accountsSchema } = openDatabases(onStop, fatal);
  const { client, appender, logEnd, productsEnd, settings } = await openLog(onStop, registry);

  const { app, tail, catalogue, feed, checks } = await createApi(
    {
      topic,
      partitionCount: config.ORDERS_PARTITIONS,
      currency: config.CURRENCY,
      version,
      openOrdersMax: config.OPEN_ORDERS_MAX,
      tailMax: config.TAIL_MAX,
      admissionMaxPerSecond: config.ADMISSION_MAX_PER_SECOND ?? null,
      productsMax: config.PRODUCTS_MAX,
      decisionWaitMs: config.DECISION_WAIT_MS,
      catalog: config.CATALOG,
      access,
    },
    {
      appender,
      createReader: (handlers) =>
        createReader({ client, topic, groupId: newOrdersGroup(), soleMember: true, minFetchGapMs: FETCH_GAP_MS, handlers }),
      logEnd,
      checkMarks: createCheckMarks(client, topic, 'The read model'),
      products: {
        topic: config.PRODUCTS_TOPIC,
        partitionCount: config.PRODUCTS_PARTITIONS,
        createReader: (handlers) =>
          createReader({
            client,
            topic: config.PRODUCTS_TOPIC,
            groupId: newProductsGroup(),
            soleMember: true,
            minFetchGapMs: FETCH_GAP_MS,
            handlers,
          }),
        logEnd: productsEnd,
        checkMarks: createCheckMarks(client, config.PRODUCTS_TOPIC, 'The stock ledger'),
        store: createProductStore(database, { schema: config.LEDGER_SCHEMA, topic: config.PRODUCTS_TOPIC }),
      },
      readModel: createReadModel(database, topic),
      accounts: createAccountStore(accountsDatabase),
      checks: {
        accounts: accountsSchema.check,
        log_settings: settings.check,
        appends: () => (appender.stalledMs() > APPENDS_STALLED_AFTER_MS ? 'The log has taken no records for a while.' : null),
        stopping: () => (isStopping() ? 'This instance is stopping.' : null),
      },
      registry,
      logger,
      onProgress: progressed,
      onFatal: fatal,
    },
  );
  onStop('tail', () => Promise.all([tail.stop(), catalogue.stop()]), READERS_LIMIT_MS);
  const drain = createDrain({ app, stopFeed: feed.stop, stopAppends: appender.stop });
  onStop('http', drain.stop, DRAIN_LIMIT_MS);
  Promise.all([tail.start(), catalogue.start()]).catch(fatal);
  // A client that calls while this instance is replaced is better refused, and goes to another, than told 503 by one that is not ready.
  await whenReady(checks, LISTEN_LATEST_MS);
  if (isStopping()) return;
  await app.listen({ host: config.HOST, port: config.PORT });
  logger.info({ address: app.listeningOrigin }, 'listening');
});
