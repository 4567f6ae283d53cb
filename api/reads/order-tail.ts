// api/reads/order-tail.ts: the api's fold of the log's tail (R7, R13; docs/decisions/0001), composed from its parts.
// It holds no rules: seed-tail.ts fills memory, apply-records.ts folds, follow-checkpoints.ts lets memory forget.

import { orderDecoderFor } from '../../shared/log/codec/order-codec.ts';
import type { Reader, ReaderHandlers } from '../../shared/log/log.ts';
import type { CheckMarks } from '../../shared/log/read/check-marks.ts';
import { createHalts } from '../../shared/log/read/halts.ts';
import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createApplyRecords } from './apply-records.ts';
import { createFollowCheckpoints } from './follow-checkpoints.ts';
import type { LogPosition } from './position-waits.ts';
import type { ReadModel } from './read-model.ts';
import { createTailSeeding } from './seed-tail.ts';
import type { Change, LoggedEvent, OrderAnswer } from './tail-memory.ts';
import { createTailState, type TailState } from './tail-state.ts';

export interface OrderTailOptions {
  partitionCount: number;
  partitionOf: (orderId: string) => number;
  createReader: (handlers: ReaderHandlers) => Reader;
  readModel: Pick<ReadModel, 'snapshot' | 'checkpoints' | 'creationOffsets'>;
  /** Of the topic, for the read model (R17). */
  checkMarks: CheckMarks;
  /** TAIL_MAX: how many orders memory may hold before reading waits for the projector. */
  tailMax: number;
  logger: Logger;
  /** Applied facts of one partition, in log order, each exactly once even after a reset. `publishedOffsets` already counts them. */
  onChanges: (partition: number, changes: readonly Change[]) => void;
  /** The answer to a request, when it is folded; again after a reset. */
  onAnswer: (requestId: string, answer: OrderAnswer) => void;
  onProgress: () => void;
  onFatal: (error: Error) => void;
}

export interface OrderTail {
  /** Waits for the read model, fills memory from it and begins to read. Rejects with LOG_MISMATCH where the rows are of another log. */
  start: () => Promise<void>;
  stop: () => Promise<void>;
  /** True once memory is filled; before that nothing can be answered from it. */
  isSeeded: () => boolean;
  /** The order as of the tail's position, if memory holds it. */
  get: (orderId: string) => StoredOrder | null;
  /** The order's events that PostgreSQL may not have yet, in log order. */
  unstoredEvents: (orderId: string) => readonly LoggedEvent[];
  /** The base that a read notes before it asks PostgreSQL: memory may have forgotten what lies below. */
  checkpoint: (partition: number) => number;
  /** The next offset to fold, by partition. */
  position: (partition: number) => number;
  /** Changes below these offsets, by partition, have been published. Unlike positions they never go back. */
  publishedOffsets: () => readonly number[];
  /** Starts again from the read model, because a checkpoint below the base was seen (R8). */
  reset: () => Promise<void>;
  /** True once the tail has folded the record at this place. */
  waitRead: (place: LogPosition, limitMs: number) => Promise<boolean>;
  /** True once PostgreSQL contains the record at this place. */
  waitStored: (place: LogPosition, limitMs: number) => Promise<boolean>;
  openOrders: () => number;
  /** True while reading waits for the projector (TAIL_MAX): how many orders are open is not known then. */
  isHeld: () => boolean;
  /** Why part of the log is not read on, for a person; null while all of it is. */
  cannotReadOn: () => string | null;
  /** Readiness, each null or what is missing. */
  checks: Record<'tail' | 'log' | 'read_model', () => string | null>;
}

// The reader's fetches answer within a quarter of a second; a broker's restart takes a few.
const READ_STALLED_AFTER_MS = 10_000;

export const createOrderTail = (options: OrderTailOptions): OrderTail => {
  const { partitionCount, readModel, logger, onChanges, onAnswer, onProgress, onFatal } = options;
  const state = createTailState(partitionCount, options.tailMax, createHalts(logger));
  /** The end of the log when the tail was assigned its partitions; null before. */
  let caughtUpAt: number[] | null = null;

  const isReading = (): boolean => performance.now() - reader.lastFetchAt() <= READ_STALLED_AFTER_MS;
  const seeding = createTailSeeding({
    state,
    partitionCount,
    snapshot: readModel.snapshot,
    checkMarks: options.checkMarks,
    seek: (partition, offset) => reader.seek(partition, offset),
    logger,
  });
  // Whoever has asked for it, a process whose rows are of another log ends.
  const reset = (): Promise<void> =>
    seeding.reset().catch((error: Error) => {
      onFatal(error);
      throw error;
    });
  const watch = createFollowCheckpoints({
    state,
    checkpoints: readModel.checkpoints,
    reset,
    isResetting: seeding.isResetting,
    onAnswered: () => {
      if (isReading()) onProgress(); // empty fetches are progress too
    },
    logger,
    onFatal,
  });
  const reader = options.createReader({
    startOffsets: async () => new Map(state.partitions.map(({ partition, position }) => [partition, position])),
    onAssigned: (assignments) => {
      caughtUpAt ??= new Array<number>(partitionCount).fill(0);
      for (const { partition, highWatermark } of assignments) caughtUpAt[partition] = highWatermark;
    },
    onRevoked: () => {}, // the only member of its group: what is taken away comes back, and memory stands where it stood
    onRecords: createApplyRecords({
      state,
      decode: orderDecoderFor(partitionCount),
      lookUpCreationOffsets: (partition, ids) => seeding.untilAnswered('late duplicates', () => readModel.creationOffsets(partition, ids)),
      reset,
      onChanges,
      onAnswer,
      onProgress,
      hurry: watch.hurry,
    }),
    onFatal,
  });

  return {
    start: async () => {
      if (!(await seeding.start())) return;
      watch.start();
      await reader.start();
    },
    stop: async () => {
      seeding.stop();
      watch.stop();
      await reader.stop();
    },
    ...views(state, options.partitionOf),
    reset,
    waitStored: (place, limitMs) => {
      const waiting = state.stored.wait(place, limitMs);
      watch.hurry();
      return waiting;
    },
    checks: {
      tail: () => notCaughtUp(state, caughtUpAt),
      log: () => (isReading() ? null : 'The log has not answered for a while.'),
      read_model: watch.check,
    },
  };
};

/** What can be read from memory as it is. */
const views = (state: TailState, partitionOf: (orderId: string) => number) => ({
  isSeeded: () => state.partitions.length > 0,
  get: (orderId: string) => state.partitions[partitionOf(orderId)]?.orders.get(orderId) ?? null,
  unstoredEvents: (orderId: string) => state.partitions[partitionOf(orderId)]?.unstoredByOrder.get(orderId) ?? [],
  checkpoint: (partition: number) => state.partitions[partition]?.checkpoint ?? 0,
  position: (partition: number) => state.partitions[partition]?.position ?? 0,
  publishedOffsets: () => state.publishedOffsets,
  // Nobody waits for what this instance cannot read.
  waitRead: (place: LogPosition, limitMs: number) => state.read.wait(place, state.halts.isHalted(place.partition) ? 0 : limitMs),
  cannotReadOn: state.halts.why,
  openOrders: state.openOrders,
  isHeld: state.isHeld,
});

const notCaughtUp = ({ partitions, mustWait, halts }: TailState, caughtUpAt: readonly number[] | null): string | null => {
  if (halts.why() !== null) return halts.why();
  if (partitions.length === 0 || caughtUpAt === null) return 'The tail has not started yet.';
  if (partitions.some(({ position, partition }) => position < caughtUpAt[partition]!))
    return 'The tail has not caught up with the log yet.';
  return mustWait() ? 'The tail is full and waits for the projector.' : null;
};
