// projector/commit-loop.ts: takes batches from the buffer, decodes, loads what is not cached, folds and commits, one after the other.
// It holds the waits and no rules: those are in project.ts, the fence is in the store.

import { setTimeout as delay } from 'node:timers/promises';
import type { LogRecord, Reader } from '../shared/log/log.ts';
import type { StoredOrder } from '../shared/postgres/tables/order-rows.ts';
import { AppError } from '../shared/runtime/app-error.ts';
import { within } from '../shared/runtime/within.ts';
import type { Buffer } from './buffer.ts';
import type { DecodedBatch } from './decode-batch.ts';
import type { CheckpointFollower } from './follow-checkpoints.ts';
import type { OrderCache } from './order-cache.ts';
import type { Pace } from './pace.ts';
import type { Persistence } from './persist.ts';
import { type Batch, type DecodedRecord, project } from './project.ts';
import type { Store } from './store/store.ts';

export interface CommitLoopOptions {
  store: Pick<Store, 'load' | 'commit'>;
  buffer: Buffer;
  cache: OrderCache;
  follower: Pick<CheckpointFollower, 'isDue' | 'dueInMs' | 'follow' | 'fence'>;
  pace: Pace;
  decode: (records: readonly LogRecord[]) => Promise<DecodedBatch>;
  persist: Persistence['persist'];
  /** Kafka's copy of the positions, for lag tools only. */
  commitOffsets: Reader['commit'];
  onCommitted: (batch: Batch, seconds: number) => void;
  /** After every commit, and every few seconds while there is nothing to do. */
  onProgress: () => void;
  onFatal: (error: Error) => void;
}

export interface CommitLoop {
  /** Ends after the step in which `stop` is aborted. */
  start(): void;
  /** There may be something to do. */
  wake(): void;
  /** To be called after the abort: waits, for a bounded time, for the transaction under way. */
  stop(): Promise<void>;
}

// About 30 ms of decoding, folding and encoding; larger batches gain little and block the event loop for longer.
const PROJECT_BATCH_MAX = 2_000;
// How long a stop waits for the transaction under way, which a database that does not answer may hold, and for Kafka's copies.
const STEP_ENDS_MS = 1_000;
const OFFSETS_NOTED_MS = 500;
// Kafka's own offsets are for lag tools only.
const OFFSETS_INTERVAL_MS = 1_000;

export const createCommitLoop = (stop: AbortSignal, options: CommitLoopOptions): CommitLoop => {
  const { buffer, follower, pace } = options;
  let running: Promise<void> = Promise.resolve();
  let wake = (): void => undefined;
  let offsetsAt = 0;
  let offsetsChanged = false;

  const step = async (): Promise<void> => {
    if (follower.isDue()) await follower.follow();
    const wait = pace.delay(performance.now());
    if (wait > 0 && buffer.size() < PROJECT_BATCH_MAX) await delay(wait);
    const front = buffer.front(PROJECT_BATCH_MAX);
    if (front.length === 0) return;
    const epochs = new Map(buffer.partitions().map((partition) => [partition, buffer.epoch(partition)]));
    pace.started(performance.now(), front.length);
    const { records, failure } = await options.decode(front);
    if (records.length > 0) await commit(records, epochs);
    if (failure !== null) throw failure;
  };

  const commit = async (records: readonly DecodedRecord[], epochs: ReadonlyMap<number, number | undefined>): Promise<void> => {
    const startedAt = performance.now();
    const batch = await commitBatch(options, records, epochs);
    offsetsChanged = true;
    options.onProgress();
    options.onCommitted(batch, (performance.now() - startedAt) / 1000);
  };

  const untilFilled = async (): Promise<void> => {
    if (buffer.size() > 0 || stop.aborted) return;
    options.onProgress();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, follower.dueInMs());
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
    await options.commitOffsets(new Map(buffer.partitions().map((partition) => [partition, { offset: buffer.position(partition)! }])));
  };

  const run = async (): Promise<void> => {
    while (!stop.aborted) {
      try {
        await untilFilled();
        await options.persist(step);
      } catch (error) {
        if (stop.aborted) return;
        if (!(error instanceof AppError) || error.code !== 'CHECKPOINT_MOVED') return options.onFatal(error as Error);
        follower.fence();
      }
      if (performance.now() >= offsetsAt) void commitOffsets();
    }
  };

  return {
    start: () => {
      running = run();
    },
    wake: () => wake(),
    stop: async () => {
      wake();
      await within(STEP_ENDS_MS, running);
      await within(OFFSETS_NOTED_MS, commitOffsets());
    },
  };
};

/** One transaction; afterwards the buffer and the cache are what it made true. */
const commitBatch = async (
  { store, buffer, cache }: Pick<CommitLoopOptions, 'store' | 'buffer' | 'cache'>,
  records: readonly DecodedRecord[],
  epochs: ReadonlyMap<number, number | undefined>,
): Promise<Batch> => {
  const stored = await storedOrders(store, cache, records);
  const batch = project(records, (orderId) => stored.get(orderId) ?? null);
  await store.commit(batch);
  // A partition that was revoked or reopened meanwhile is left alone: another instance may have changed its rows.
  const still = (partition: number): boolean => buffer.epoch(partition) === epochs.get(partition);
  for (const { after } of batch.changes) if (still(after.partition)) cache.set(after);
  for (const { partition, to } of batch.moves) if (still(partition)) buffer.removeUpTo(partition, to);
  return batch;
};

/** What is cached is taken now: a partition that is revoked while the others' rows are loaded takes its own with it. */
const storedOrders = async (
  store: Pick<Store, 'load'>,
  cache: OrderCache,
  records: readonly DecodedRecord[],
): Promise<Map<string, StoredOrder>> => {
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
