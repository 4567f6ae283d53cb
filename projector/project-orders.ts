// projector/project-orders.ts: the shell of the projector: the reader fills a bounded buffer, commit-loop.ts empties it.
// It holds no rules: those are in project.ts, the fence is in the store. A database that is down only makes it wait.

import type { DeadLetterReason } from '../shared/log/codec/envelope.ts';
import type { DecodeOrderEvent } from '../shared/log/codec/order-codec.ts';
import type { Assignment, LogRecord, Reader, ReaderHandlers } from '../shared/log/log.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import { type Buffer, createBuffer } from './buffer.ts';
import { createCommitLoop } from './commit-loop.ts';
import { createBatchDecoder } from './decode-batch.ts';
import { type CheckLog, createCheckpointFollower } from './follow-checkpoints.ts';
import { createOrderCache, type OrderCache } from './order-cache.ts';
import { createPace } from './pace.ts';
import { createPersistence } from './persist.ts';
import type { Batch } from './project.ts';
import type { Store } from './store/store.ts';

export interface ProjectOrdersOptions {
  topicId: string;
  store: Store;
  openReader: (handlers: ReaderHandlers) => Reader;
  checkLog: CheckLog;
  decode: DecodeOrderEvent;
  deadLetter: (record: LogRecord, reason: DeadLetterReason) => Promise<unknown>;
  /** How long a commit may wait at most to batch more records, see pace.ts. */
  commitGapMs: number;
  logger: Logger;
  onCommitted: (batch: Batch, seconds: number) => void;
  onDeadLetter: (reason: DeadLetterReason) => void;
  /** After every commit, and every few seconds while there is nothing to do. */
  onProgress: () => void;
  onFatal: (error: Error) => void;
}

export interface OrderProjector {
  start(): Promise<void>;
  /** Finishes the transaction under way; what is buffered is read again by the next owner. */
  stop(): Promise<void>;
  /** Records in the log that the rows do not contain yet, per partition. */
  lag(): ReadonlyMap<number, number>;
  /** Kafka timestamp of the oldest record that waits here, null when none does. */
  oldestWaiting(): number | null;
  /** What makes the projector wait right now (the database is down); null while all goes well. */
  trouble(): Error | null;
  /** When, by `performance.now()`, the last commit was, or the last time that there was nothing to do. */
  lastProgressAt(): number;
  lastFetchAt(): number;
  /** See `Reader.isSettled`. */
  isSettled(): boolean;
  /** The rows contain all that was in the log when the partitions were assigned. */
  isCaughtUp(): boolean;
}

// Five full batches keep the loop busy while the next fetch is under way.
const BUFFER_LIMITS = { maxRecords: 10_000, maxBytes: 16_000_000 };
// About 50 MB: the open orders of ten seconds at full speed, and the latest closed ones, whose late copies are loaded otherwise.
const CACHE_ORDERS_MAX = 50_000;

/** The projector's behaviour behind a reader's handlers. Guarantees that every record counts once and only once (R8, R9). */
export const createOrderProjector = (options: ProjectOrdersOptions): OrderProjector => {
  const { store, logger, onFatal } = options;
  const buffer = createBuffer(BUFFER_LIMITS);
  const cache = createOrderCache(CACHE_ORDERS_MAX);
  const stopping = new AbortController();
  const { persist, trouble } = createPersistence(stopping.signal, logger);
  const assigned = createAssignedPartitions(buffer, cache, logger);
  let progressAt = performance.now();

  const follower = createCheckpointFollower({
    topicId: options.topicId,
    store,
    checkLog: options.checkLog,
    buffer,
    begin: assigned.begin,
    seek: (partition, offset) => reader.seek(partition, offset),
    logger,
  });
  const loop = createCommitLoop(stopping.signal, {
    store,
    buffer,
    cache,
    follower,
    pace: createPace(options.commitGapMs),
    decode: createBatchDecoder(options),
    persist,
    commitOffsets: (offsets) => reader.commit(offsets),
    onCommitted: options.onCommitted,
    onProgress: () => {
      progressAt = performance.now();
      options.onProgress();
    },
    onFatal,
  });

  const reader = options.openReader({
    startOffsets: (partitions) => persist(() => follower.startOffsets(partitions)),
    onAssigned: (assignments) => {
      assigned.add(assignments);
      follower.assigned();
    },
    onRevoked: assigned.remove,
    onRecords: (partition, records) => {
      const heldBack = buffer.add(partition, records);
      loop.wake();
      return heldBack;
    },
    onFatal,
  });

  return {
    start: async () => {
      loop.start();
      await reader.start();
    },
    stop: async () => {
      stopping.abort();
      await loop.stop();
      await reader.stop();
    },
    lag: () => new Map([...reader.lag()].map(([partition, unread]) => [partition, unread + buffer.size(partition)])),
    oldestWaiting: buffer.oldest,
    trouble,
    lastProgressAt: () => progressAt,
    lastFetchAt: reader.lastFetchAt,
    isSettled: reader.isSettled,
    isCaughtUp: assigned.isCaughtUp,
  };
};

/** What is held of the partitions that are assigned, and whether what was in the log then is stored. */
const createAssignedPartitions = (buffer: Buffer, cache: OrderCache, logger: Logger) => {
  const caughtUpAt = new Map<number, number>();
  const begin = (partition: number, offset: number): void => {
    cache.clearPartition(partition);
    buffer.open(partition, offset);
  };
  return {
    begin,
    add: (assignments: readonly Assignment[]): void => {
      for (const { partition, startOffset, highWatermark } of assignments) {
        begin(partition, startOffset);
        caughtUpAt.set(partition, highWatermark);
      }
      logger.info({ partitions: assignments.map(({ partition }) => partition) }, 'partitions assigned');
    },
    remove: (partitions: readonly number[]): void => {
      for (const partition of partitions) {
        buffer.close(partition);
        cache.clearPartition(partition);
        caughtUpAt.delete(partition);
      }
      logger.info({ partitions }, 'partitions revoked');
    },
    isCaughtUp: (): boolean => [...caughtUpAt].every(([partition, offset]) => (buffer.position(partition) ?? 0) >= offset),
  };
};
