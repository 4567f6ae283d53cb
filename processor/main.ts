// processor/main.ts: composes the processor: log in, decisions, log out. Reads the environment; holds no rules.

import { randomUUIDv7 } from 'node:crypto';
import { createAppender } from '../shared/log/appender.ts';
import { createLogClient } from '../shared/log/client.ts';
import { deadLetterTopicOf } from '../shared/log/dead-letters.ts';
import { createReader } from '../shared/log/reader.ts';
import { ensureTopics } from '../shared/log/topics.ts';
import { openDatabase } from '../shared/postgres/database.ts';
import { createAppendMetrics } from '../shared/runtime/append-metrics.ts';
import { systemClock } from '../shared/runtime/clock.ts';
import { parseConfig, refuseUnprotected } from '../shared/runtime/config.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { createRoleMetrics } from '../shared/runtime/metrics.ts';
import { createRoleServer } from '../shared/runtime/role-server.ts';
import { runRole } from '../shared/runtime/shutdown.ts';
import { within } from '../shared/runtime/within.ts';
import { createClosedOrders } from './closed-orders.ts';
import { groupOffsets } from './committed-offsets.ts';
import { PROCESSOR_CONFIG } from './config.ts';
import { processorGroup } from './consumer-group.ts';
import { connectLedger } from './ledger/connect-ledger.ts';
import { createProcessorMetrics } from './metrics.ts';
import { openFulfilment } from './open-fulfilment.ts';
import { isActing } from './partition.ts';
import { createOrderProcessor } from './process-orders.ts';
import { createProductSide } from './product-side.ts';
import { createStartCommits } from './start-commits.ts';

// A second: a successor then re-reads little, and a commit costs the broker next to nothing.
const COMMIT_INTERVAL_MS = 1_000;
// An idle fetch returns after 250 ms; this much silence means that the log is out of reach.
const STALLED_AFTER_MS = 10_000;
// Longer than these parts take by their own limits, and together less than a process has (runtime/shutdown.ts).
const LAST_COMMIT_MS = 1_000;
const LEAVE_LIMIT_MS = 3_100;
const APPENDS_LIMIT_MS = 1_100;
// Pacing: under steady traffic at most so many requests per second, each with more records; after an idle spell nothing waits.
// Two appends follow one another in an order's life, so these gaps count twice in what its client waits for.
const FETCH_GAP_MS = 2;
const SEND_GAP_MS = 2;

const config = parseConfig(PROCESSOR_CONFIG, process.env);
const logger = createLogger('processor', config.LOG_LEVEL);

await runRole(logger, async ({ onStop, isStopping, fatal }) => {
  refuseUnprotected(config);
  const { ORDERS_TOPIC: topic, PRODUCTS_TOPIC: productsTopic } = config;
  const deadLetterTopic = deadLetterTopicOf(topic);
  const client = createLogClient({ brokers: config.KAFKA_BROKERS.split(','), clientId: 'processor', logger });
  await ensureTopics({
    client,
    topics: [
      { name: topic, partitions: config.ORDERS_PARTITIONS },
      { name: productsTopic, partitions: config.PRODUCTS_PARTITIONS },
      { name: deadLetterTopic, partitions: 1 },
    ],
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    minInsyncReplicas: config.KAFKA_MIN_INSYNC_REPLICAS,
    logger,
  });
  const database = openDatabase({
    url: config.DATABASE_URL,
    schema: config.READ_MODEL_SCHEMA,
    applicationName: 'processor',
    maxConnections: 2,
    onError: (error) => logger.warn({ err: error }, 'a database connection was lost'),
  });
  onStop('database', database.end);
  const { ledger, check, claimsOf, end } = await connectLedger({
    databaseUrl: config.DATABASE_URL,
    schema: config.LEDGER_SCHEMA,
    client,
    topics: [topic, productsTopic],
    clock: systemClock,
    logger,
  });
  onStop('ledger', end);

  const { registry, progressed } = createRoleMetrics('processor');
  const appender = createAppender({
    client,
    partitionCounts: new Map([
      [topic, config.ORDERS_PARTITIONS],
      [productsTopic, config.PRODUCTS_PARTITIONS],
      [deadLetterTopic, 1],
    ]),
    minSendGapMs: SEND_GAP_MS,
    onBatch: createAppendMetrics(registry),
  });
  appender.start();
  onStop('appender', appender.stop, APPENDS_LIMIT_MS);

  const processor = createOrderProcessor({
    topic,
    appender,
    fulfil: openFulfilment(config, { registry, clock: systemClock, logger }),
    lookUpClosed: createClosedOrders(database, topic),
    ledger,
    clock: systemClock,
    newId: randomUUIDv7,
    concurrency: config.PROCESSOR_CONCURRENCY,
    logger,
    onDecided: (decision) => metrics.decided(decision),
    onFulfilled: (seconds) => metrics.fulfilled(seconds),
    onFatal: fatal,
  });
  const orderClaims = claimsOf(topic);
  const reader = createReader({
    client,
    groupId: processorGroup(topic),
    topic,
    handlers: {
      startOffsets: orderClaims.startOffsets,
      onAssigned: (assignments) => processor.onAssigned(assignments.map(orderClaims.noted)),
      onRevoked: (partitions) => {
        orderClaims.revoked(partitions);
        processor.onRevoked(partitions);
      },
      onRecords: (partition, records) => {
        processor.onRecords(partition, records);
        progressed();
      },
      onFatal: fatal,
    },
    minFetchGapMs: FETCH_GAP_MS,
  });
  const metrics = createProcessorMetrics(registry, processor.partitions, reader.lag, systemClock.now);
  const products = createProductSide({
    topic: productsTopic,
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
  const commitOrders = createStartCommits({
    starts: () => groupOffsets(processor.partitions()),
    note: (starts) => ledger.moveStarts(topic, starts),
    copy: reader.commit,
    clock: systemClock,
    logger,
  });
  const commit = (): Promise<unknown> => Promise.all([commitOrders(), products.commit()]);
  const commits = setInterval(() => void commit().catch(fatal), COMMIT_INTERVAL_MS);

  const server = createRoleServer({
    host: config.HOST,
    port: config.PROCESSOR_PORT,
    registry,
    metricsToken: config.AUTH === 'off' ? null : config.METRICS_TOKEN,
    checks: {
      group: () => (reader.isSettled() ? null : 'waiting for its share of the partitions'),
      stopping: () => (isStopping() ? 'stopping' : null),
      ledger: () => check() ?? orderClaims.trouble(),
      ...products.checks,
      recovered: () => ([...processor.partitions()].every(isActing) ? null : 'still reading what is open'),
      log: () => (performance.now() - reader.lastFetchAt() < STALLED_AFTER_MS ? null : 'nothing could be read from the log for 10 s'),
    },
  });
  await server.start();
  onStop('server', server.stop);
  await Promise.all([reader.start(), products.start()]);
  // Leaves the offsets that the successor starts from, decides no more, and hands the partitions over.
  const leave = async (): Promise<void> => {
    clearInterval(commits);
    await within(LAST_COMMIT_MS, commit());
    processor.onRevoked([...processor.partitions()].map(({ partition }) => partition));
    await Promise.all([reader.stop(), products.stop(), appender.stop()]);
  };
  onStop('reader', leave, LEAVE_LIMIT_MS);
  logger.info({ topic, port: server.port() }, 'processor started');
});
