// projector/follow-checkpoints.ts: keeps the projector at the checkpoints in PostgreSQL, which another instance or a restore may move (R8).
// It never writes a checkpoint that exists.

import type { Checkpoint } from '../shared/postgres/tables/checkpoints.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import type { Buffer } from './buffer.ts';
import type { Store } from './store/store.ts';

/** Rejects with LOG_MISMATCH unless this is the log from which these checkpoints were made (R9): shared/log/read/check-marks.ts. */
export type CheckLog = (checkpoints: readonly Checkpoint[]) => Promise<unknown>;

export interface CheckpointFollowerOptions {
  topicId: string;
  store: Pick<Store, 'checkpoints' | 'createCheckpoints'>;
  checkLog: CheckLog;
  buffer: Pick<Buffer, 'partitions' | 'position'>;
  /** Drops what is held of a partition, which goes on at this offset. */
  begin: (partition: number, offset: number) => void;
  /** Makes the reader go on at this offset. */
  seek: (partition: number, offset: number) => void;
  logger: Logger;
}

export interface CheckpointFollower {
  /** The checkpoints of partitions that are being assigned, made at 0 where there are none, and checked against the log (R9). */
  startOffsets(partitions: readonly number[]): Promise<Map<number, number>>;
  /** Partitions were assigned: their checkpoints are due within the interval. */
  assigned(): void;
  /** The fence refused a commit: all partitions follow their checkpoints before the next one. */
  fence(): void;
  isDue(): boolean;
  /** How long to wait at most before asking whether it is due. */
  dueInMs(): number;
  /** Goes to the checkpoints: to those that another instance moved, and to all of them after the fence refused a commit. */
  follow(): Promise<void>;
}

// R8: how soon a checkpoint that moved backwards (restored database, swapped-in rebuild) is noticed by a projector with nothing to do.
const FOLLOW_INTERVAL_MS = 3_000;

export const createCheckpointFollower = (options: CheckpointFollowerOptions): CheckpointFollower => {
  const { store, buffer, logger } = options;
  let fenced = false;
  let followAt = Number.POSITIVE_INFINITY;

  const readCheckpoints = async (partitions: readonly number[]): Promise<Checkpoint[]> => {
    let found = await store.checkpoints();
    if (!partitions.every((partition) => found.has(partition))) {
      await store.createCheckpoints(options.topicId, partitions);
      found = await store.checkpoints();
    }
    return partitions.map((partition) => found.get(partition)!);
  };

  const startOffsets = async (partitions: readonly number[]): Promise<Map<number, number>> => {
    const checkpoints = await readCheckpoints(partitions);
    await options.checkLog(checkpoints);
    return new Map(checkpoints.map(({ partition, nextOffset }) => [partition, nextOffset]));
  };

  const follow = async (): Promise<void> => {
    const checkpoints = await readCheckpoints(buffer.partitions());
    const moved = checkpoints.filter(({ partition, nextOffset }) => fenced || buffer.position(partition) !== nextOffset);
    if (moved.length > 0) {
      await options.checkLog(moved);
      const partitions = moved.map(({ partition }) => partition);
      logger.info(
        { partitions, fenced },
        fenced ? 'commit refused by the fence; re-seeking to the checkpoints' : 'checkpoint moved by another instance; re-seeking',
      );
    }
    for (const { partition, nextOffset } of moved) {
      const position = buffer.position(partition);
      if (position === undefined) continue; // revoked meanwhile
      options.begin(partition, nextOffset);
      options.seek(partition, nextOffset);
    }
    fenced = false;
    followAt = performance.now() + FOLLOW_INTERVAL_MS;
  };

  return {
    startOffsets,
    assigned: () => {
      followAt = Math.min(followAt, performance.now() + FOLLOW_INTERVAL_MS);
    },
    fence: () => {
      fenced = true;
    },
    isDue: () => fenced || performance.now() >= followAt,
    dueInMs: () => Math.min(Math.max(followAt - performance.now(), 0), FOLLOW_INTERVAL_MS),
    follow,
  };
};
