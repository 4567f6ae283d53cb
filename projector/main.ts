// projector/main.ts: composes the projector: log in, read model out.
// Reads the environment; holds no rules.

import { join } from 'node:path';
import { createAppender } from '../shared/log/append/appender.ts';
import { orderDecoderFor } from '../shared/log/codec/order-codec.ts';
import { createLogClient } from '../shared/log/connect/client.ts';
import { kafkaConnection } from '../shared/log/connect/connection.ts';
import { createDeadLetters, deadLetterTopicOf } from '../shared/log/dead-letters/dead-letters.ts';
import { createCheckMarks } from '../shared/log/read/check-marks.ts';
import { createReader } from '../shared/log/read/reader.ts';
import { openTopics } from '../shared/log/topics/open-topics.ts';
import { topicId } from '../shared/log/topics/topic-id.ts';
import { openDatabase } from '../shared/postgres/database.ts';
import { migrate } from '../shared/postgres/migrate.ts';
import { refuseUnprotected } from '../shared/runtime/config.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { createRoleMetrics } from '../shared/runtime/metrics.ts';
import { createRoleServer } from '../shared/runtime/role-server.ts';
import { configOf, runRole } from '../shared/runtime/shutdown.ts';
import { PROJECTOR_CONFIG } from './config.ts';
import { projectorGroup } from './consumer-group.ts';
import { createProjectorMetrics } from './metrics.ts';
import { createOrderProjector } from './project-orders.ts';
import { registerReadModelStatus } from './read-model-status.ts';
import { createPostgresStore, STORE_SETTINGS } from './store/postgres-store.ts';

const SCHEMA_DIRECTORY = join(import.meta.dirname, 'schema');
// The loop uses one connection, an assignment or a scrape another.
const CONNECTIONS_MAX = 3;
// A migration may read a table of years once; an instance that starts meanwhile waits for it.
const MIGRATION_MAX_MS = 3_600_000;
// Half of it is the latency that it adds at low rates; at high ones the gap between commits decides, and fetches just fill the buffer.
const MIN_FETCH_GAP_MS = 4;
// A batch takes tenths of a second. Longer than other roles allow: whatever is broken off is done again from its beginning.
const STATEMENT_TIMEOUT_MS = 9_000;
const STALLED_AFTER_MS = 10_000;
// Longer than these parts take by their own limits, and together less than a process has (runtime/shutdown.ts).
const PROJECTOR_LIMIT_MS = 2_600;
const APPENDS_LIMIT_MS = 1_100;

const config = configOf('projector', PROJECTOR_CONFIG, process.env);
const logger = createLogger('projector', config.LOG_LEVEL);

await runRole(logger, async ({ onStop, isStopping, fatal }) => {
  refuseUnprotected(config);
  const topic = config.ORDERS_TOPIC;
  const deadLetterTopic = deadLetterTopicOf(topic);
  const partitionCounts = new Map([
    [topic, config.ORDERS_PARTITIONS],
    [deadLetterTopic, 1],
  ]);
  const { registry, progressed } = createRoleMetrics('projector');
  const metrics = createProjectorMetrics(registry);

  const client = createLogClient({ ...kafkaConnection(config), clientId: 'projector', logger, partitionCounts });
  const settings = await openTopics({
    client,
    registry,
    topics: Array.from(partitionCounts, ([name, partitions]) => ({ name, partitions })),
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    minInsyncReplicas: config.KAFKA_MIN_INSYNC_REPLICAS,
  });
  onStop('topics', settings.stop);

  const where = { url: config.DATABASE_URL, schema: config.READ_MODEL_SCHEMA, applicationName: 'projector' };
  const migrating = openDatabase({ ...where, maxConnections: 1, statementTimeoutMs: MIGRATION_MAX_MS });
  const migrations = await migrate(migrating, SCHEMA_DIRECTORY).finally(() => migrating.end());
  if (migrations.length > 0) logger.info({ migrations }, 'read model schema migrated');
  const database = openDatabase({
    ...where,
    maxConnections: CONNECTIONS_MAX,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    settings: STORE_SETTINGS,
    onError: (error) => logger.warn({ reason: error.message }, 'connections to the database were lost; new ones are opened as needed'),
  });
  onStop('database', () => database.end());
  registerReadModelStatus(registry, database, config.CURRENCY);

  const appender = createAppender({ client, partitionCounts: new Map([[deadLetterTopic, 1]]) });
  onStop('dead letters', () => appender.stop(), APPENDS_LIMIT_MS);
  const deadLetters = createDeadLetters(appender, deadLetterTopic);

  const projector = createOrderProjector({
    topicId: await topicId(client, topic),
    store: createPostgresStore(database, topic),
    openReader: (handlers) => createReader({ client, groupId: projectorGroup(topic), topic, handlers, minFetchGapMs: MIN_FETCH_GAP_MS }),
    checkLog: createCheckMarks(client, topic, 'The read model'),
    decode: orderDecoderFor(config.ORDERS_PARTITIONS),
    deadLetter: deadLetters.append,
    commitGapMs: config.PROJECTOR_COMMIT_GAP_MS,
    logger,
    onCommitted: metrics.committed,
    onDeadLetter: metrics.deadLetter,
    onProgress: progressed,
    onFatal: fatal,
  });
  metrics.watch(projector, Date.now);

  const server = createRoleServer({
    host: config.HOST,
    port: config.PROJECTOR_PORT,
    registry,
    metricsToken: config.AUTH === 'off' ? null : config.METRICS_TOKEN,
    checks: {
      log_settings: settings.check,
      database: () => projector.trouble()?.message ?? null,
      stopping: () => (isStopping() ? 'stopping' : null),
      group: () => (projector.isSettled() ? null : 'waiting for its share of the partitions'),
      caught_up: () => (projector.isCaughtUp() ? null : 'still projecting what was in the log at the start'),
      log: () => (performance.now() - projector.lastFetchAt() > STALLED_AFTER_MS ? 'nothing could be fetched for 10 s' : null),
      projection: () => (performance.now() - projector.lastProgressAt() > STALLED_AFTER_MS ? 'nothing was committed for 10 s' : null),
    },
  });
  await server.start();
  onStop('server', () => server.stop());
  await projector.start();
  onStop('projector', () => projector.stop(), PROJECTOR_LIMIT_MS);
  logger.info({ topic, schema: config.READ_MODEL_SCHEMA, port: server.port() }, 'projecting');
});
