// processor/orders/late-duplicates.ts: looks up orders that may be late duplicates of closed ones, before anything is done for them (R5).
// It asks the read model, many orders at a time: the ledger knows only closed orders with stocked items.

import { isTerminal } from '../../shared/order/lifecycle.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage } from '../../shared/runtime/outage.ts';
import { type Entry, type PendingRequest, report } from './entry.ts';
import { dropLateDuplicate, type Partition } from './partition.ts';

/**
 * Asks the read model at which offsets ids of one partition were created, the first time. Null: its checkpoint has not passed `knownFrom`
 * yet, so that it cannot tell. Ids without a row are absent from the map. May reject while the database is away.
 */
export type LookUpCreationOffsets = (partition: number, orderIds: string[], knownFrom: number) => Promise<Map<string, number> | null>;

export interface LateDuplicateCheck {
  lookUp: (partition: Partition, entry: Entry) => void;
}

export interface LateDuplicateCheckOptions {
  lookUpCreationOffsets: LookUpCreationOffsets;
  clock: Clock;
  logger: Logger;
  react: (partition: Partition, entry: Entry) => void;
  refuse: (partition: Partition, pending: PendingRequest) => void;
}

const LOOK_UP_MAX = 500; // one index probe each, about 10 µs: a batch takes 5 ms
const BEHIND_WAIT_MS = 50; // the projector commits every few ten milliseconds under load
const DATABASE_WAIT_MS = 500;

export const createLateDuplicateCheck = (options: LateDuplicateCheckOptions): LateDuplicateCheck => {
  const { lookUpCreationOffsets, clock, logger, react, refuse } = options;
  const queues = new Map<Partition, Entry[]>();
  const outage = createOutage(logger, 'looking up orders in the read model');
  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

  const settle = (partition: Partition, entries: Entry[], creationOffsets: Map<string, number>): void => {
    for (const entry of entries) {
      // Where it was created tells a duplicate from an order's own row, which may be ahead of this reader and say that it is over. An order
      // that ended meanwhile stays, whichever life it was: it only refuses now.
      const firstOffset = creationOffsets.get(entry.order.orderId) ?? entry.createdOffset;
      if (firstOffset < entry.createdOffset && !isTerminal(entry.order.status)) {
        for (const pending of dropLateDuplicate(partition, entry)) refuse(partition, pending);
      } else {
        report(entry, { what: 'looked-up' });
        react(partition, entry);
      }
    }
  };
  const drain = async (partition: Partition, queue: Entry[]): Promise<void> => {
    while (queue.length > 0 && partition.live) {
      const entries = queue.slice(0, LOOK_UP_MAX);
      const ids = entries.map((entry) => entry.order.orderId);
      try {
        const creationOffsets = await lookUpCreationOffsets(partition.partition, ids, partition.knownFrom);
        outage.over();
        if (creationOffsets === null) await pause(BEHIND_WAIT_MS);
        else if (partition.live) settle(partition, queue.splice(0, entries.length), creationOffsets);
      } catch (error) {
        outage.failed(error);
        await pause(DATABASE_WAIT_MS);
      }
    }
    queues.delete(partition);
  };
  const lookUp = (partition: Partition, entry: Entry): void => {
    report(entry, { what: 'look-up-begun' });
    const queue = queues.get(partition);
    if (queue) {
      queue.push(entry);
      return;
    }
    const first = [entry];
    queues.set(partition, first);
    // Not before the caller's batch is through, so that all of it is asked about at once.
    queueMicrotask(() => void drain(partition, first));
  };
  return { lookUp };
};
