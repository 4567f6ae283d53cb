// api/reads/seed-tail.ts: fills the tail from a snapshot of the read model: at the start, and when a checkpoint moved backwards (R8).
// Only from one that was made from the very log that is read on (R17). It never folds a record.

import type { CheckMarks } from '../../shared/log/read/check-marks.ts';
import { DUPLICATE_WINDOW_MS } from '../../shared/order/late-duplicates.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage } from '../../shared/runtime/outage.ts';
import type { ReadModel, Snapshot } from './read-model.ts';
import { createTailPartition, type TailPartition } from './tail-memory.ts';
import type { TailState } from './tail-state.ts';

export interface TailSeedingOptions {
  state: TailState;
  partitionCount: number;
  snapshot: ReadModel['snapshot'];
  checkMarks: CheckMarks;
  /** Makes the reader go on at this offset. */
  seek: (partition: number, offset: number) => void;
  logger: Logger;
}

export interface TailSeeding {
  /** Waits for the read model and fills memory; false if the tail was stopped meanwhile. */
  start: () => Promise<boolean>;
  stop: () => void;
  /** Fills memory again and makes the reader follow. Calls that come while a reset is under way share it. */
  reset: () => Promise<void>;
  isResetting: () => boolean;
  /** Repeats a question to the read model while it is unavailable, and rejects after the stop. */
  untilAnswered: <T>(what: string, ask: () => Promise<T>) => Promise<T>;
}

const RETRY_MS = 500;

export const createTailSeeding = ({ state, partitionCount, snapshot, checkMarks, seek, logger }: TailSeedingOptions): TailSeeding => {
  let resetting: Promise<void> | null = null;
  let stopped = false;
  const outage = createOutage(logger, 'reading the tail from the read model');

  const untilAnswered: TailSeeding['untilAnswered'] = async (what, ask) => {
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

  /** Rejects with LOG_MISMATCH where the rows were made from another log. */
  const ofThisLog = async (): Promise<Snapshot> => {
    const found = await snapshot();
    await checkMarks(found.marks);
    return found;
  };
  const seed = (found: Snapshot): void => {
    state.partitions = seeded(state.partitions, found, partitionCount);
    for (const { partition } of state.partitions) state.stored.moved(partition);
  };

  const start = async (): Promise<boolean> => {
    const found = await untilAnswered('snapshot', ofThisLog).catch((error: Error) => {
      if (!stopped) throw error;
    });
    if (found === undefined || stopped) return false;
    seed(found);
    for (const { partition, position } of state.partitions) state.publishedOffsets[partition] = position;
    logger.info({ open: state.openOrders() }, 'tail seeded from the read model');
    return true;
  };

  const reset = (): Promise<void> => {
    resetting ??= (async () => {
      logger.warn('checkpoint moved backwards: the read model was rebuilt or restored; re-reading the tail');
      seed(await untilAnswered('snapshot', ofThisLog));
      for (const { partition, position } of state.partitions) seek(partition, position);
      state.releaseReading();
      state.halts.clear();
    })().finally(() => {
      resetting = null;
    });
    return resetting;
  };

  return {
    start,
    stop: () => {
      stopped = true;
    },
    reset,
    isResetting: () => resetting !== null,
    untilAnswered,
  };
};

const seeded = (memory: readonly TailPartition[], snapshot: Snapshot, partitionCount: number): TailPartition[] => {
  const { checkpoints, open, newestCreatedAt } = snapshot;
  // Older than the newest stored order: look it up. Newer: it cannot be a late duplicate of a stored one.
  const logTime = newestCreatedAt === null ? 0 : newestCreatedAt + DUPLICATE_WINDOW_MS + 1;
  const byPartition = Map.groupBy(open, ({ partition }) => partition);
  return Array.from({ length: partitionCount }, (_, partition) => {
    const checkpoint = checkpoints.get(partition) ?? 0;
    const before = memory[partition];
    // The rows have what it has forgotten. Starting beyond its position would leave out changes that it has not published yet.
    if (before && (before.checkpoint <= checkpoint || before.position <= checkpoint))
      return { ...before, checkpoint: Math.min(before.checkpoint, checkpoint) };
    return createTailPartition(partition, checkpoint, logTime, byPartition.get(partition) ?? []);
  });
};
