// tests/integration/projector/projection.ts: a topic and a read model of one's own, and projectors between them that are
// composed as projector/main.ts does it.

import { pino } from 'pino';
import { inject } from 'vitest';
import type { Batch } from '../../../projector/project.ts';
import { createOrderProjector, type OrderProjector } from '../../../projector/project-orders.ts';
import { createPostgresStore } from '../../../projector/store/postgres-store.ts';
import type { Store } from '../../../projector/store/store.ts';
import { createAppender, type RunningAppender } from '../../../shared/log/append/appender.ts';
import { encodeOrderEvent, orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { createLogClient, type LogClient } from '../../../shared/log/connect/client.ts';
import { createDeadLetters } from '../../../shared/log/dead-letters/dead-letters.ts';
import type { LogRecord, Position, RecordToAppend } from '../../../shared/log/log.ts';
import { createCheckMarks } from '../../../shared/log/read/check-marks.ts';
import { readRange } from '../../../shared/log/read/read-range.ts';
import { createReader } from '../../../shared/log/read/reader.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { topicId } from '../../../shared/log/topics/topic-id.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import type { Database } from '../../../shared/postgres/database.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { newReadModel, openSchema } from './read-model.ts';

export interface StartedProjector extends OrderProjector {
  fatal: Error[];
  batches: Batch[];
}

export interface Projection {
  client: LogClient;
  topic: string;
  database: Database;
  append: (events: readonly OrderEvent[]) => Promise<Position[]>;
  appendRaw: (records: readonly RecordToAppend[]) => Promise<Position[]>;
  start: (options?: { store?: (store: Store) => Store; groupId?: string; database?: Database }) => Promise<StartedProjector>;
  /** Waits until the rows contain everything that is in the log now. */
  caughtUp: () => Promise<void>;
  readAll: (topic: string) => Promise<LogRecord[]>;
  stop: () => Promise<void>;
}

export const PARTITIONS = 3;

export const newProjection = async (): Promise<Projection> => {
  const logger = pino({ level: 'silent' });
  const client = createLogClient({ brokers: [inject('stack').kafka], clientId: 'projector-test', logger });
  const topic = uniqueName('orders');
  const deadLetterTopic = `${topic}.dead-letter`;
  await ensureTopics({
    client,
    topics: [
      { name: topic, partitions: PARTITIONS },
      { name: deadLetterTopic, partitions: 1 },
    ],
    replicationFactor: 1,
    minInsyncReplicas: 1,
  });
  const partitionCounts = new Map([
    [topic, PARTITIONS],
    [deadLetterTopic, 1],
  ]);
  const appender: RunningAppender = createAppender({ client, partitionCounts });
  const database = await newReadModel();
  const projectors: OrderProjector[] = [];

  const appendRaw = (records: readonly RecordToAppend[]) => Promise.all(records.map((record) => appender.append(record)));
  const start: Projection['start'] = async (options = {}) => {
    const { store = (same: Store) => same, groupId = `${topic}.projector` } = options;
    const fatal: Error[] = [];
    const batches: Batch[] = [];
    const id = await topicId(client, topic);
    const projector = createOrderProjector({
      decode: orderDecoderFor(PARTITIONS),
      topicId: id,
      store: store(createPostgresStore(options.database ?? openSchema(database.schema), topic)),
      openReader: (handlers) => createReader({ client, groupId, topic, handlers, minFetchGapMs: 0 }),
      checkLog: createCheckMarks(client, topic, 'The read model'),
      deadLetter: createDeadLetters(appender, deadLetterTopic).append,
      commitGapMs: 5,
      logger,
      onCommitted: (batch) => batches.push(batch),
      onDeadLetter: () => {},
      onProgress: () => {},
      onFatal: (error) => fatal.push(error),
    });
    projectors.push(projector);
    await projector.start();
    return { ...projector, fatal, batches };
  };
  const caughtUp = async (): Promise<void> => {
    const ends = await logEnd(client, topic);
    const store = createPostgresStore(database, topic);
    const contained = async () => {
      const checkpoints = await store.checkpoints();
      return [...ends].every(([partition, { high }]) => (checkpoints.get(partition)?.nextOffset ?? 0) >= high);
    };
    await eventually(contained, { what: 'the read model to contain the whole log' });
  };
  const readAll = async (from: string): Promise<LogRecord[]> => {
    const ends = await logEnd(client, from);
    const records: LogRecord[] = [];
    const offsets = (side: 'low' | 'high') => new Map([...ends].map(([partition, end]) => [partition, end[side]]));
    await readRange({ client, topic: from, from: offsets('low'), to: offsets('high'), onRecords: (_, some) => void records.push(...some) });
    return records;
  };

  return {
    client,
    topic,
    database,
    append: (events) => appendRaw(events.map((event) => encodeOrderEvent(event, topic))),
    appendRaw,
    start,
    caughtUp,
    readAll,
    stop: async () => {
      await Promise.all(projectors.map((projector) => projector.stop()));
      await appender.stop();
    },
  };
};
