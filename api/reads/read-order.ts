// api/reads/read-order.ts: one order as of now (R7): from the tail's memory, else from its row.
// It never says "there is none" before the tail has passed the end of the log as it was at the question. So an order can be read right
// after its 201, on every instance.

import { endsWithin, type LogEnd } from '../../shared/log/topics/offsets.ts';
import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { countdown } from '../../shared/runtime/within.ts';
import type { OrderTail } from './order-tail.ts';
import type { RowLookup } from './row-lookup.ts';

export interface ReadOrderOptions {
  tail: Pick<OrderTail, 'isSeeded' | 'get' | 'checkpoint' | 'position' | 'reset' | 'waitRead' | 'cannotReadOn'>;
  rows: RowLookup;
  logEnd: Pick<LogEnd, 'ask'>;
  partitionOf: (orderId: string) => number;
}

export interface ReadOrder {
  /**
   * Resolves when everything that the log has about the order now can be read. Rejects with LOG_UNAVAILABLE, after 5 s at the latest, and with
   * UNKNOWN_EVENT_TYPE where only newer code can read it.
   */
  caughtUp: (orderId: string) => Promise<void>;
  /**
   * The order as far as this instance has read the log: never less than it has shown, unless the read model was put back since. Null only if
   * the log had none at the call. Rejects with LOG_UNAVAILABLE, UNKNOWN_EVENT_TYPE or DATABASE_UNAVAILABLE, after 5 s at the latest.
   */
  fresh: (orderId: string) => Promise<StoredOrder | null>;
  /** What is known without waiting for the log; null may be wrong about an order that is being created. */
  known: (orderId: string) => Promise<StoredOrder | null>;
}

// All that one read waits for, the log and the database together: longer than a pause of either, shorter than a caller's patience.
const READ_MAX_MS = 5_000;
// Each try begins with what the tail knows by then; a read model that is restored again and again is not one to answer from.
const TRIES_MAX = 3;

export const createReadOrder = ({ tail, rows, logEnd, partitionOf }: ReadOrderOptions): ReadOrder => {
  /** Up to here rows have been shown, by partition: a tail that is behind the projector must not show an older state after them. */
  const shown = new Map<number, number>();

  const knownWithin = async (left: () => number, orderId: string): Promise<StoredOrder | null> => {
    if (!tail.isSeeded()) throw new AppError('LOG_UNAVAILABLE', 'The tail of the log has not been read yet.');
    const partition = partitionOf(orderId);
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const inMemory = tail.get(orderId);
      if (inMemory !== null && tail.position(partition) >= (shown.get(partition) ?? 0)) return inMemory;
      const base = tail.checkpoint(partition);
      const { checkpoint, stored } = await rows.lookUp(orderId, partition, left());
      if (checkpoint >= base) {
        shown.set(partition, Math.max(checkpoint, shown.get(partition) ?? 0));
        return newer(stored, tail.get(orderId));
      }
      // The database was restored. Another read may have reset the tail meanwhile: then only the base that this read noted was old.
      if (checkpoint < tail.checkpoint(partition)) await tail.reset();
    }
    throw new AppError('DATABASE_UNAVAILABLE', 'The read model was rebuilt or restored repeatedly during this read.');
  };

  const passEnd = async (left: () => number, partition: number): Promise<void> => {
    const end = (await endsWithin(left(), logEnd)).get(partition)?.high ?? 0;
    if (end === 0 || (await tail.waitRead({ partition, offset: end - 1 }, left()))) return;
    const why = tail.cannotReadOn();
    if (why !== null) throw new AppError('UNKNOWN_EVENT_TYPE', why);
    throw new AppError('LOG_UNAVAILABLE', 'The tail did not reach the end of the log in time.');
  };

  const fresh = async (orderId: string): Promise<StoredOrder | null> => {
    const left = countdown(READ_MAX_MS);
    const found = await knownWithin(left, orderId);
    if (found !== null) return found;
    await passEnd(left, partitionOf(orderId));
    // The tail has folded the order if there is one; by now it may even have closed and been forgotten, then it has a row.
    return knownWithin(left, orderId);
  };
  return {
    caughtUp: (orderId) => passEnd(countdown(READ_MAX_MS), partitionOf(orderId)),
    fresh,
    known: (orderId) => knownWithin(countdown(READ_MAX_MS), orderId),
  };
};

const newer = (row: StoredOrder | null, inMemory: StoredOrder | null): StoredOrder | null => {
  if (row === null || inMemory === null) return row ?? inMemory;
  return inMemory.order.version >= row.order.version ? inMemory : row;
};
