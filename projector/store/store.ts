// projector/store/store.ts: where the read model lives, as the projector sees it. PostgreSQL stands behind it (postgres-store.ts),
// in fast tests a map (tests/support/in-memory/store.ts); one contract suite holds for both.

import type { Checkpoint } from '../../shared/postgres/tables/checkpoints.ts';
import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';
import type { Batch } from '../project.ts';

/** All methods reject with DATABASE_UNAVAILABLE when the same call may succeed later. */
export interface Store {
  /** The orders that exist, of those asked for. */
  load(orderIds: readonly string[]): Promise<Map<string, StoredOrder>>;
  /**
   * Writes a batch and moves the checkpoints from `from` to `to`: all of it or nothing. Rejects with CHECKPOINT_MOVED, and
   * writes nothing, unless every partition's checkpoint stands at its `from`: this is the fence that makes a zombie
   * harmless and every record count exactly once. After DATABASE_UNAVAILABLE the batch may be in; the fence tells.
   */
  commit(batch: Batch): Promise<void>;
  checkpoints(): Promise<Map<number, Checkpoint>>;
  /** Adds a checkpoint at offset 0 for every partition that has none. Safe to call at any time. */
  createCheckpoints(topicId: string, partitions: readonly number[]): Promise<void>;
}
