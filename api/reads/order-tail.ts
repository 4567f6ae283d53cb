// api/reads/order-tail.ts: the api's fold of the log's tail (R7, R13; docs/decisions/0001). It starts from one snapshot of the read
// model, reads on from the projector's checkpoints, feeds tail-memory.ts and says what happened. Holds the waits and no rules.

import { decodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { Assignment, LogRecord, Reader, ReaderHandlers } from '../../shared/log/log.ts';
import type { OrderEvent } from '../../shared/order/events.ts';
import { DUPLICATE_WINDOW_MS } from '../../shared/order/late-duplicates.ts';
import { answeredBy } from '../../shared/order/order.ts';
import type { StoredOrder } from '../../shared/postgres/order-rows.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage } from '../../shared/runtime/outage.ts';
import { createCheckpointWatch } from './checkpoint-watch.ts';
import { createPositionWaits, type Place } from './position-waits.ts';
import type { ReadModel, Snapshot } from './read-model.ts';
import {
  type Change,
  createTailPartition,
  fold,
  type LoggedEvent,
  type OrderAnswer,
  suspectsIn,
  type TailPartition,
  trim,
} from './tail-memory.ts';

export interface OrderTailOptions {
  partitionCount: number;
  partitionOf: (orderId: string) => number;
  createReader: (handlers: ReaderHandlers) => Reader;
  readModel: Pick<ReadModel, 'snapshot' | 'checkpoints' | 'firstLives'>;
  /** TAIL_MAX: how many orders memory may hold before reading waits for the projector. */
  tailMax: number;
  logger: Logger;
  /** Applied facts of one partition, in log order, each exactly once even after a reset. `told` already counts them. */
  onChanges: (partition: number, changes: readonly Change[]) => void;
  /** The answer to a request, when it is folded; again after a reset. */
  onAnswer: (requestId: string, answer: OrderAnswer) => void;
  onProgress: () => void;
  onFatal: (error: Error) => void;
}

export interface OrderTail {
  /** Waits for the read model, fills memory from it and begins to read. */
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
  /** Changes below these offsets, by partition, have been told. Unlike positions they never go back. */
  told: () => readonly number[];
  /** Starts anew from the read model, because a checkpoint below the base was seen (R8). */
  reset: () => Promise<void>;
  /** True once the tail has folded the record at this place. */
  waitRead: (place: Place, limitMs: number) => Promise<boolean>;
  /** True once PostgreSQL contains the record at this place. */
  waitStored: (place: Place, limitMs: number) => Promise<boolean>;
  openOrders: () => number;
  /** True while reading waits for the projector (TAIL_MAX): how many orders are open is not known then. */
  isHeld: () => boolean;
  /** Readiness, each null or what is missing. */
  checks: Record<'tail' | 'log' | 'read_model', () => string | null>;
}

const RETRY_MS = 500;
// Events per order that PostgreSQL has not stored: created, processing, completed and one to spare.
const EVENTS_PER_ORDER = 4;
// The reader's fetches answer within a quarter of a second; a broker's restart takes a few.
const READ_STALLED_AFTER_MS = 10_000;

export const createOrderTail = (options: OrderTailOptions): OrderTail => {
  const { partitionCount, partitionOf, readModel, tailMax, logger } = options;
  let memory: TailPartition[] = [];
  let resetting: Promise<void> | null = null;
  let stopped = false;
  /** Changes below these offsets have been told: a reset does not tell them again. */
  const toldUpTo = new Array<number>(partitionCount).fill(0);
  /** The end of the log when the tail was assigned its partitions; null before. */
  let caughtUpAt: number[] | null = null;
  const releaseReading: (() => void)[] = [];
  /** Who of a batch is a suspect was decided by what memory held: it forgets nothing until the batch is folded. */
  const lookingUp = new Set<TailPartition>();

  const read = createPositionWaits(({ partition, offset }) => (memory[partition]?.position ?? 0) > offset);
  const stored = createPositionWaits(({ partition, offset }) => (memory[partition]?.checkpoint ?? 0) > offset);

  const seed = ({ checkpoints, open, newestCreatedAt }: Snapshot): void => {
    // Older than the newest stored order: look it up. Newer: it cannot be a late twin of a stored one.
    const logTime = newestCreatedAt === null ? 0 : newestCreatedAt + DUPLICATE_WINDOW_MS + 1;
    const byPartition = Map.groupBy(open, ({ partition }) => partition);
    memory = Array.from({ length: partitionCount }, (_, partition) => {
      const checkpoint = checkpoints.get(partition) ?? 0;
      const before = memory[partition];
      // What it has forgotten the rows have. Beginning behind its position would leave out what it has not told yet.
      if (before && (before.checkpoint <= checkpoint || before.position <= checkpoint))
        return { ...before, checkpoint: Math.min(before.checkpoint, checkpoint) };
      return createTailPartition(partition, checkpoint, logTime, byPartition.get(partition) ?? []);
    });
    for (const { partition } of memory) stored.moved(partition);
  };

  const outage = createOutage(logger, 'reading the tail from the read model');
  const untilAnswered = async <T>(what: string, ask: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        const answer = await ask();
        outage.over();
        return answer;
      } catch (error) {
        if (stopped || !(error instanceof AppError && error.retryable)) throw error;
        outage.failed(error, { asked: what });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };

  const isFull = (): boolean => {
    let orders = 0;
    let events = 0;
    for (const partition of memory) {
      orders += partition.orders.size;
      events += partition.unstored.length;
    }
    return orders > tailMax || events > EVENTS_PER_ORDER * tailMax;
  };
  // Only the projector makes room; once it has caught up with us, going on is the only way to close what is open.
  const mustWait = (): boolean => isFull() && memory.some(({ checkpoint, position }) => checkpoint < position);
  const roomToRead = (): void | Promise<void> => {
    if (mustWait()) return new Promise((resolve) => releaseReading.push(resolve));
  };

  const apply = (partition: TailPartition, events: readonly (OrderEvent | null)[], firstLives: ReadonlyMap<string, number>): void => {
    const changes: Change[] = [];
    const number = partition.partition;
    for (const event of events) {
      const offset = partition.position;
      const folded = fold(partition, event, firstLives);
      if (folded === null || event === null) continue;
      if (folded.change !== null && offset >= toldUpTo[number]!) changes.push(folded.change);
      const requestId = answeredBy(event, folded.effect);
      if (requestId !== null) {
        const order = folded.change?.order ?? partition.orders.get(event.orderId)?.order ?? null;
        options.onAnswer(requestId, { event, order, place: { partition: number, offset } });
      }
    }
    toldUpTo[number] = Math.max(toldUpTo[number]!, partition.position);
    options.onProgress();
    if (changes.length > 0) options.onChanges(number, changes);
    read.moved(number);
    watch.hurry();
  };

  const onRecords = (number: number, records: LogRecord[]): void | Promise<void> => {
    const partition = memory[number]!;
    if (records[0]!.offset !== partition.position) {
      throw new AppError('LOG_GAP', `The tail stands at ${number}@${partition.position}, but was given ${records[0]!.offset}.`);
    }
    const events = records.map((record) => {
      const decoded = decodeOrderEvent(record);
      return decoded.ok ? decoded.event : null; // the projector sets it aside in the dead-letter topic
    });
    const suspects = suspectsIn(partition, events);
    if (suspects.length === 0) {
      apply(partition, events, new Map());
      return roomToRead();
    }
    return (async () => {
      lookingUp.add(partition);
      const found = await untilAnswered('late twins', () => readModel.firstLives(number, suspects)).finally(() =>
        lookingUp.delete(partition),
      );
      // The database went back: it may not know the orders that memory has forgotten.
      if (found.checkpoint < partition.checkpoint) await reset();
      if (memory[number] !== partition) return; // reset meanwhile: these records come again
      apply(partition, events, found.createdAt);
      await roomToRead();
    })();
  };

  const reset = (): Promise<void> => {
    resetting ??= (async () => {
      logger.warn('a checkpoint went back: the read model was rebuilt or restored; reading the tail anew');
      seed(await untilAnswered('snapshot', readModel.snapshot));
      for (const { partition, position } of memory) reader.seek(partition, position);
      for (const release of releaseReading.splice(0)) release();
    })().finally(() => {
      resetting = null;
    });
    return resetting;
  };

  const onCheckpoints = (checkpoints: ReadonlyMap<number, number>): void => {
    if (resetting !== null) return;
    if (checks.log() === null) options.onProgress(); // empty fetches are progress too
    if (memory.some(({ partition, checkpoint }) => (checkpoints.get(partition) ?? 0) < checkpoint)) {
      reset().catch(options.onFatal);
      return;
    }
    for (const partition of memory) {
      if (lookingUp.has(partition)) continue;
      trim(partition, checkpoints.get(partition.partition) ?? 0);
      stored.moved(partition.partition);
    }
    if (!mustWait()) for (const release of releaseReading.splice(0)) release();
  };

  const watch = createCheckpointWatch({
    checkpoints: readModel.checkpoints,
    onCheckpoints,
    urgency: () => (stored.size() > 0 ? 'awaited' : memory.some(({ unstored }) => unstored.length > 0) ? 'busy' : 'idle'),
    logger,
    onFatal: options.onFatal,
  });

  const reader = options.createReader({
    startOffsets: async () => new Map(memory.map(({ partition, position }) => [partition, position])),
    onAssigned: (assignments: Assignment[]) => {
      caughtUpAt ??= new Array<number>(partitionCount).fill(0);
      for (const { partition, highWatermark } of assignments) caughtUpAt[partition] = highWatermark;
    },
    onRevoked: () => {}, // the only member of its group: what is taken away comes back, and memory stands where it stood
    onRecords,
    onFatal: options.onFatal,
  });

  const checks: OrderTail['checks'] = {
    tail: () => {
      if (memory.length === 0 || caughtUpAt === null) return 'The tail has not started yet.';
      if (memory.some(({ position, partition }) => position < caughtUpAt![partition]!))
        return 'The tail has not caught up with the log yet.';
      return mustWait() ? 'The tail is full and waits for the projector.' : null;
    },
    log: () => (performance.now() - reader.lastFetchAt() > READ_STALLED_AFTER_MS ? 'The log has not answered for a while.' : null),
    read_model: watch.check,
  };

  const inMemory = (orderId: string): TailPartition | undefined => memory[partitionOf(orderId)];
  return {
    start: async () => {
      const snapshot = await untilAnswered('snapshot', readModel.snapshot).catch((error: Error) => {
        if (!stopped) throw error;
      });
      if (snapshot === undefined || stopped) return;
      seed(snapshot);
      for (const { partition, position } of memory) toldUpTo[partition] = position;
      logger.info({ open: memory.reduce((sum, { openCount }) => sum + openCount, 0) }, 'tail seeded from the read model');
      watch.start();
      await reader.start();
    },
    stop: async () => {
      stopped = true;
      watch.stop();
      await reader.stop();
    },
    isSeeded: () => memory.length > 0,
    get: (orderId) => inMemory(orderId)?.orders.get(orderId) ?? null,
    unstoredEvents: (orderId) => inMemory(orderId)?.unstoredByOrder.get(orderId) ?? [],
    checkpoint: (partition) => memory[partition]?.checkpoint ?? 0,
    position: (partition) => memory[partition]?.position ?? 0,
    told: () => toldUpTo,
    reset,
    waitRead: read.wait,
    waitStored: (place, limitMs) => {
      const waiting = stored.wait(place, limitMs);
      watch.hurry();
      return waiting;
    },
    openOrders: () => memory.reduce((sum, { openCount }) => sum + openCount, 0),
    isHeld: () => releaseReading.length > 0,
    checks,
  };
};
