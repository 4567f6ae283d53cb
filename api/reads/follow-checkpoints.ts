// api/reads/follow-checkpoints.ts: lets the tail forget what is stored, and resets it when a checkpoint moved backwards (R8).
// It never reads the log.

import type { Logger } from '../../shared/runtime/logger.ts';
import { type CheckpointWatch, createCheckpointWatch, type Urgency } from './checkpoint-watch.ts';
import type { ReadModel } from './read-model.ts';
import { trim } from './tail-memory.ts';
import type { TailState } from './tail-state.ts';

export interface FollowCheckpointsOptions {
  state: TailState;
  checkpoints: ReadModel['checkpoints'];
  reset: () => Promise<void>;
  isResetting: () => boolean;
  /** Called with every answer of the read model. */
  onAnswered: () => void;
  logger: Logger;
  onFatal: (error: Error) => void;
}

/** The watch that does it, to be started once the tail is seeded. */
export const createFollowCheckpoints = (options: FollowCheckpointsOptions): CheckpointWatch => {
  const { state } = options;

  const onCheckpoints = (checkpoints: ReadonlyMap<number, number>): void => {
    if (options.isResetting()) return;
    options.onAnswered();
    if (state.partitions.some(({ partition, checkpoint }) => (checkpoints.get(partition) ?? 0) < checkpoint)) {
      options.reset().catch(options.onFatal);
      return;
    }
    for (const partition of state.partitions) {
      if (state.lookingUp.has(partition)) continue;
      trim(partition, checkpoints.get(partition.partition) ?? 0);
      state.stored.moved(partition.partition);
    }
    if (!state.mustWait()) state.releaseReading();
  };

  const urgency = (): Urgency => {
    if (state.stored.size() > 0) return 'awaited';
    return state.partitions.some(({ unstored }) => unstored.length > 0) ? 'busy' : 'idle';
  };

  return createCheckpointWatch({
    checkpoints: options.checkpoints,
    onCheckpoints,
    urgency,
    logger: options.logger,
    onFatal: options.onFatal,
  });
};
