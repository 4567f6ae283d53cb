// processor/main.ts: composes the processor: log in, decisions, log out.
// Reads the environment; holds no rules.

import type { Registry } from 'prom-client';
import { createAppender, type RunningAppender } from '../shared/log/append/appender.ts';
import { createLogClient, type LogClient } from '../shared/log/connect/client.ts';
import { kafkaConnection } from '../shared/log/connect/connection.ts';
import { deadLetterTopicOf } from '../shared/log/dead-letters/dead-letters.ts';
import { openTopics } from '../shared/log/topics/open-topics.ts';
import { openDatabase } from '../shared/postgres/database.ts';
import { createAppendMetrics } from '../shared/runtime/append-metrics.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { refuseUnprotected } from '../shared/runtime/config.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { createRoleMetrics } from '../shared/runtime/metrics.ts';
import { createRoleServer } from '../shared/runtime/role-server.ts';
import { configOf, type Releasers, runRole } from '../shared/runtime/shutdown.ts';
import { within } from '../shared/runtime/within.ts';
import { PROCESSOR_CONFIG } from './config.ts';
import { openFulfilment } from './fulfilment/open-fulfilment.ts';
import { connectLedger } from './ledger/connect-ledger.ts';
import { createProcessorMetrics, registerLedgerRepairs } from './metrics.ts';
import { createOrderSide } from './orders/compose-orders.ts';
import { createCreationOffsetLookUp } from './orders/creation-offsets.ts';
import { createProductSide } from './products/compose-products.ts';

// A second: a successor then re-reads little, and a commit costs the broker next to nothing.
const COMMIT_INTERVAL_MS = 1_000;
// Longer than these parts take by their own limits, and together less than a process has (runtime/shutdown.ts).
const LAST_COMMIT_MS = 1_000;
const LEAVE_LIMIT_MS = 3_100;
const APPENDS_LIMIT_MS = 1_100;
// As with fetches (compose-orders.ts): at most this many requests per second under steady traffic, each with more records.
const SEND_GAP_MS = 2;

const config = configOf('processor', PROCESSOR_CONFIG, process.env);
const logger = createLogger('processor', config.LOG_LEVEL);

const { ORDERS_TOPIC: topic, PRODUCTS_TOPIC: productsTopic } = config;
const deadLetterTopic = deadLetterTopicOf(topic);
const partitionCounts = new Map([
  [topic, config.ORDERS_PARTITIONS],
  [productsTopic, config.PRODUCTS_PARTITIONS],
  [deadLetterTopic, 1],
]);

/** Makes the topics where they are missing, and watches their settings. */
const openLog = async (onStop: Releasers['onStop'], registry: Registry) => {
  const client = createLogClient({ ...kafkaConnection(config), clientId: 'processor', logger, partitionCounts });
  const settings = await openTopics({
    client,
    registry,
    topics: Array.from(partitionCounts, ([name, partitions]) => ({ name, partitions })),
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    minInsyncReplicas: config.KAFKA_MIN_INSYNC_REPLICAS,
  });
  onStop('topics', settings.stop);
  return { client, settings };
};

const openReadModel = () =>
  openDatabase({
    url: config.DATABASE_URL,
    schema: config.READ_MODEL_SCHEMA,
    applicationName: 'processor',
    maxConnections: 2,
    onError: (error) => logger.warn({ reason: error.message }, 'connections to the database were lost; new ones are opened as needed'),
  });

const openAppender = (client: LogClient, registry: Registry): RunningAppender => {
  const appender = createAppender({
    client,
    partitionCounts,
    minSendGapMs: SEND_GAP_MS,
    onBatch: createAppendMetrics(registry),
  });
  appender.start();
  return appender;
};

await runRole(logger, async ({ onStop, isStopping, fatal }) => {
  refuseUnprotected(config);
  const { registry, progressed } = createRoleMetrics('processor');
  const fulfil = openFulfilment(config, { registry, clock: systemClock, logger }); // first: it may refuse the configuration
  const { client, settings } = await openLog(onStop, registry);
  const database = openReadModel();
  onStop('database', database.end);
  const { ledger, check, claimsOf, end } = await connectLedger({
    databaseUrl: config.DATABASE_URL,
    schema: config.LEDGER_SCHEMA,
    client,
    topics: { orders: topic, products: productsTopic },
    onRepaired: registerLedgerRepairs(registry),
    clock: systemClock,
    logger,
  });
  onStop('ledger', end);
  const appender = openAppender(client, registry);
  onStop('appender', appender.stop, APPENDS_LIMIT_MS);

  const orders = createOrderSide({
    topic,
    partitionCount: config.ORDERS_PARTITIONS,
    client,
    appender,
    fulfil,
    lookUpCreationOffsets: createCreationOffsetLookUp(database, topic),
    ledger,
    claims: claimsOf(topic),
    clock: systemClock,
    carryAfterMs: config.CARRY_AFTER_MS,
    concurrency: config.PROCESSOR_CONCURRENCY,
    reportDeadlineMs: config.FULFILMENT_DEADLINE_MS,
    logger,
    onDecided: (name) => metrics.decided(name),
    onFulfilled: (seconds) => metrics.fulfilled(seconds),
    onProgress: progressed,
    onFatal: fatal,
  });
  const metrics = createProcessorMetrics(registry, orders.partitions, orders.lag, ledger.oversoldProducts, systemClock.now);
  const products = createProductSide({
    topic: productsTopic,
    partitionCount: config.PRODUCTS_PARTITIONS,
    deadLetterTopic,
    client,
    appender,
    ledger,
    claims: claimsOf(productsTopic),
    clock: systemClock,
    logger,
    onDeadLetter: metrics.deadLetter,
    onFatal: fatal,
  });
  const commit = (): Promise<unknown> => Promise.all([orders.commit(), products.commit()]);
  const commits = setInterval(() => void commit().catch(fatal), COMMIT_INTERVAL_MS);

  const server = createRoleServer({
    host: config.HOST,
    port: config.PROCESSOR_PORT,
    registry,
    metricsToken: config.AUTH === 'off' ? null : config.METRICS_TOKEN,
    checks: {
      stopping: () => (isStopping() ? 'stopping' : null),
      log_settings: settings.check,
      ledger: check,
      ...orders.checks,
      ...products.checks,
    },
  });
  await server.start();
  onStop('server', server.stop);
  await Promise.all([orders.start(), products.start()]);
  // Leaves the offsets that the successor starts from, decides no more, and hands the partitions over.
  const leave = async (): Promise<void> => {
    clearInterval(commits);
    await within(LAST_COMMIT_MS, commit());
    await Promise.all([orders.stop(), products.stop(), appender.stop()]);
  };
  onStop('reader', leave, LEAVE_LIMIT_MS);
  logger.info({ topic, port: server.port() }, 'processor started');
});
