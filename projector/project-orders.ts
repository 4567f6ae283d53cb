// projector/project-orders.ts: the shell of the projector. The reader fills a bounded buffer; one loop takes batches from it,
// decodes, loads what is not cached, folds and commits. It holds the waits; the rules are in project.ts, the fence in the
// store. A database that is down only makes it wait.

import { setTimeout as delay } from 'node:timers/promises';
import type { DeadLetterReason } from '../shared/log/codec/envelope.ts';
import type { LogRecord, Reader, ReaderHandlers } from '../shared/log/log.ts';
import type { Checkpoint } from '../shared/postgres/checkpoints.ts';
import type { StoredOrder } from '../shared/postgres/order-rows.ts';
import { AppError } from '../shared/runtime/app-error.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import { within } from '../shared/runtime/within.ts';
import { createBuffer } from './buffer.ts';
import type { CheckLog } from './check-log.ts';
import { createBatchDecoder } from './decode-batch.ts';
import { createOrderCache } from './order-cache.ts';
import { createPace } from './pace.ts';
import { createPersistence } from './persist.ts';
import { type Batch, type DecodedRecord, project } from './project.ts';
import type { Store } from './store/store.ts';

export interface ProjectOrdersOptions {
  topicId: string;
  store: Store;
  openReader: (handlers: ReaderHandlers) => Reader;
  checkLog: CheckLog;
  deadLetter: (record: LogRecord, reason: DeadLetterReason) => Promise<unknown>;
  /** The longest wait for company, see pace.ts. */
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
  /** Finishes the transaction under way; what is buffered is read again by whoever comes next. */
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

// About 30 ms of decoding, folding and encoding; larger batches gain little and block the event loop for longer.
const PROJECT_BATCH_MAX = 2_000;
// Five full batches keep the loop busy while the next fetch is under way.
const BUFFER_LIMITS = { maxRecords: 10_000, maxBytes: 16_000_000 };
// About 50 MB: the open orders of ten seconds at full speed, and the latest closed ones, whose late copies are loaded otherwise.
const CACHE_ORDERS_MAX = 50_000;
// R8: how soon a checkpoint that went back (restored database, swapped-in rebuild) is noticed by a projector with nothing to do.
const FOLLOW_INTERVAL_MS = 3_000;
// How long a stop waits for the transaction under way, which a database that does not answer may hold, and for Kafka's copies.
const STEP_ENDS_MS = 1_000;
const OFFSETS_NOTED_MS = 500;
// Kafka's own offsets are for lag tools only.
const OFFSETS_INTERVAL_MS = 1_000;

/** The projector's behaviour behind a reader's handlers. Guarantees that every record counts once and only once (R8, R9). */
export const createOrderProjector = (options: ProjectOrdersOptions): OrderProjector => {
  const { store, logger } = options;
  const buffer = createBuffer(BUFFER_LIMITS);
  const cache = createOrderCache(CACHE_ORDERS_MAX);
  const pace = createPace(options.commitGapMs);
  const decode = createBatchDecoder(options);
  const stopping = new AbortController();
  const { persist, trouble } = createPersistence(stopping.signal, logger);
  let running: Promise<void> = Promise.resolve();
  let wake = (): void => undefined;
  let fenced = false;
  let followAt = Number.POSITIVE_INFINITY;
  let offsetsAt = 0;
  let offsetsChanged = false;
  const caughtUpAt = new Map<number, number>();
  let progressAt = performance.now();

  const progressed = (): void => {
    progressAt = performance.now();
    options.onProgress();
  };
  const begin = (partition: number, offset: number): void => {
    cache.clearPartition(partition);
    buffer.open(partition, offset);
  };

  const readCheckpoints = async (partitions: readonly number[]): Promise<Checkpoint[]> => {
    let found = await store.checkpoints();
    if (!partitions.every((partition) => found.has(partition))) {
      await store.createCheckpoints(options.topicId, partitions);
      found = await store.checkpoints();
    }
    return partitions.map((partition) => found.get(partition)!);
  };

  const startOffsets = (partitions: number[]): Promise<Map<number, number>> =>
    persist(async () => {
      const checkpoints = await readCheckpoints(partitions);
      await options.checkLog(checkpoints);
      return new Map(checkpoints.map(({ partition, nextOffset }) => [partition, nextOffset]));
    });

  /** Goes to where the checkpoints are: wherever somebody else moved one, and everywhere after the fence held us back. */
  const follow = async (): Promise<void> => {
    const checkpoints = await readCheckpoints(buffer.partitions());
    const moved = checkpoints.filter(({ partition, nextOffset }) => fenced || buffer.position(partition) !== nextOffset);
    await options.checkLog(moved);
    if (moved.length > 0) {
      const partitions = moved.map(({ partition }) => partition);
      logger.info({ partitions, fenced }, 'somebody else moves the checkpoints, or may have; following them');
    }
    for (const { partition, nextOffset } of moved) {
      const position = buffer.position(partition);
      if (position === undefined) continue; // revoked meanwhile
      begin(partition, nextOffset);
      reader.seek(partition, nextOffset);
    }
    fenced = false;
    followAt = performance.now() + FOLLOW_INTERVAL_MS;
  };

  /** What is cached is taken now: a partition that is revoked while the others' rows are loaded takes its own with it. */
  const storedOrders = async (records: readonly DecodedRecord[]): Promise<Map<string, StoredOrder>> => {
    const found = new Map<string, StoredOrder>();
    const unknown = new Set<string>();
    for (const { decoded } of records) {
      if (!decoded.ok) continue;
      const { orderId } = decoded.event;
      const cached = cache.get(orderId);
      if (cached === undefined) unknown.add(orderId);
      else found.set(orderId, cached);
    }
    for (const [orderId, loaded] of await store.load([...unknown])) found.set(orderId, loaded);
    return found;
  };

  const commit = async (records: readonly DecodedRecord[], epochs: ReadonlyMap<number, number | undefined>): Promise<void> => {
    const startedAt = performance.now();
    const stored = await storedOrders(records);
    const batch = project(records, (orderId) => stored.get(orderId) ?? null);
    await store.commit(batch);
    // A partition that was revoked or began anew meanwhile is left alone: its rows may be somebody else's by now.
    const still = (partition: number): boolean => buffer.epoch(partition) === epochs.get(partition);
    for (const { after } of batch.changes) if (still(after.partition)) cache.set(after);
    for (const { partition, to } of batch.moves) if (still(partition)) buffer.removeUpTo(partition, to);
    offsetsChanged = true;
    progressed();
    options.onCommitted(batch, (performance.now() - startedAt) / 1000);
  };

  const step = async (): Promise<void> => {
    if (fenced || performance.now() >= followAt) await follow();
    const wait = pace.delay(performance.now());
    if (wait > 0 && buffer.size() < PROJECT_BATCH_MAX) await delay(wait);
    const front = buffer.front(PROJECT_BATCH_MAX);
    if (front.length === 0) return;
    const epochs = new Map(buffer.partitions().map((partition) => [partition, buffer.epoch(partition)]));
    pace.started(performance.now(), front.length);
    const { records, failure } = await decode(front);
    if (records.length > 0) await commit(records, epochs);
    if (failure !== null) throw failure;
  };

  const untilFilled = async (): Promise<void> => {
    if (buffer.size() > 0 || stopping.signal.aborted) return;
    progressed();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(followAt - performance.now(), 0), FOLLOW_INTERVAL_MS));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  };

  const commitOffsets = async (): Promise<void> => {
    if (!offsetsChanged) return;
    offsetsChanged = false;
    offsetsAt = performance.now() + OFFSETS_INTERVAL_MS;
    await reader.commit(new Map(buffer.partitions().map((partition) => [partition, { offset: buffer.position(partition)! }])));
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await untilFilled();
        await persist(step);
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (!(error instanceof AppError) || error.code !== 'CHECKPOINT_MOVED') return options.onFatal(error as Error);
        fenced = true;
      }
      if (performance.now() >= offsetsAt) void commitOffsets();
    }
  };

  const reader = options.openReader({
    startOffsets,
    onAssigned: (assignments) => {
      for (const { partition, startOffset, highWatermark } of assignments) {
        begin(partition, startOffset);
        caughtUpAt.set(partition, highWatermark);
      }
      followAt = Math.min(followAt, performance.now() + FOLLOW_INTERVAL_MS);
      logger.info({ partitions: assignments.map(({ partition }) => partition) }, 'partitions assigned');
    },
    onRevoked: (partitions) => {
      for (const partition of partitions) {
        buffer.close(partition);
        cache.clearPartition(partition);
        caughtUpAt.delete(partition);
      }
      logger.info({ partitions }, 'partitions revoked');
    },
    onRecords: (partition, records) => {
      const heldBack = buffer.add(partition, records);
      wake();
      return heldBack;
    },
    onFatal: options.onFatal,
  });

  return {
    start: async () => {
      running = run();
      await reader.start();
    },
    stop: async () => {
      stopping.abort();
      wake();
      await within(STEP_ENDS_MS, running);
      await within(OFFSETS_NOTED_MS, commitOffsets());
      await reader.stop();
    },
    lag: () => new Map([...reader.lag()].map(([partition, unread]) => [partition, unread + buffer.size(partition)])),
    oldestWaiting: buffer.oldest,
    trouble,
    lastProgressAt: () => progressAt,
    lastFetchAt: reader.lastFetchAt,
    isSettled: reader.isSettled,
    isCaughtUp: () => [...caughtUpAt].every(([partition, offset]) => (buffer.position(partition) ?? 0) >= offset),
  };
};
