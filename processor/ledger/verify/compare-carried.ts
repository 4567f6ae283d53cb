// processor/ledger/verify/compare-carried.ts: the carried orders of a snapshot against the orders that are open in the log (R12).

import type { OpenOrder } from '../rebuild/refold.ts';
import type { Differences } from './differences.ts';
import type { LedgerSnapshot } from './snapshot.ts';

export interface CompareCarried {
  differences: Differences;
  snapshot: LedgerSnapshot;
  /** By the log up to a moment before the snapshot, and up to one after it. */
  openBefore: ReadonlyMap<string, OpenOrder>;
  openAfter: ReadonlyMap<string, OpenOrder>;
  topic: string;
}

export const compareCarried = ({ differences, snapshot, openBefore, openAfter, topic }: CompareCarried): void => {
  const { carried, startOf } = snapshot;
  const differs = (id: string, field: string, expected: unknown, actual: unknown): void =>
    differences.add({ what: 'carried_order', id, field, expected, actual });

  // Open before and after, so open at the snapshot: a successor finds it behind its start, or here.
  for (const [id, { partition, createdOffset, order }] of openBefore) {
    if (!openAfter.has(id) || createdOffset >= startOf(topic, partition)) continue;
    if (!carried.has(id)) differs(id, 'row', order.status, null);
  }
  for (const [id, { createdOffset, order }] of carried) {
    const [before, after] = [openBefore.get(id), openAfter.get(id)];
    if (after === undefined) continue; // over by now; its row goes when the start has passed its end
    if (createdOffset !== after.createdOffset) differs(id, 'created_offset', after.createdOffset, createdOffset);
    if (order.version > after.order.version) differs(id, 'version', after.order.version, order.version);
    // Unchanged all along: then the row is the order.
    if (before?.order.version === after.order.version && order.version === after.order.version) {
      differences.compare({ what: 'carried_order', id, field: 'fold' }, withoutAnswers(after.order), withoutAnswers(order));
    }
  }
};

/** Refusals may have come after the row was written. */
const withoutAnswers = ({ answeredRequests: _, ...order }: OpenOrder['order']) => order;
