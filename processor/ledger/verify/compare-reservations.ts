// processor/ledger/verify/compare-reservations.ts: compares the reservations of a snapshot with the orders of the log.
// The log is folded up to a point before the snapshot and to one after it.

import type { RefoldedStock } from '../rebuild/refold.ts';
import type { Differences } from './differences.ts';
import type { LedgerSnapshot } from './snapshot.ts';

export interface CompareReservations {
  differences: Differences;
  snapshot: LedgerSnapshot;
  /** By the log up to a moment before the snapshot, and up to one after it. */
  ordersBefore: ReadonlyMap<string, RefoldedStock>;
  ordersAfter: ReadonlyMap<string, RefoldedStock>;
  topic: string;
}

export const compareReservations = ({ differences, snapshot, ordersBefore, ordersAfter, topic }: CompareReservations): void => {
  const { reservations, startOf } = snapshot;
  const differs = (id: string, field: string, expected: unknown, actual: unknown): void =>
    differences.add({ what: 'reservation', id, field, expected, actual });

  // What the log said before is in the ledger: a decision is written before its fact is appended, and what an owner has
  // read and left behind is settled.
  for (const [id, before] of ordersBefore) {
    const row = reservations.get(id);
    const settled = before.closedAt !== null && before.closedAt < startOf(topic, before.partition);
    const expected = settled ? 'closed' : before.reservation?.state === 'held' ? 'held' : null;
    if (expected === null || row?.state === 'closed' || row?.state === expected) continue;
    differs(id, 'state', expected, row?.state ?? null);
  }
  // What is in the ledger the log says too, by now.
  for (const [id, row] of reservations) {
    const after = ordersAfter.get(id);
    if (after === undefined) {
      // A late duplicate of an order without stock may have left one that holds nothing.
      if (row.lines.length > 0) differs(id, 'row', null, row.state);
      continue;
    }
    if (row.state === 'closed' && after.closedAt === null) differs(id, 'state', after.order.status, row.state);
    const same = after.reservation?.state === row.state && (row.state === 'closed' || after.reservation.version === row.version);
    if (same) differences.compare({ what: 'reservation', id, field: 'lines' }, after.reservation!.lines, row.lines);
    if (row.state === 'held' && row.version > after.order.version) differs(id, 'version', after.order.version, row.version);
  }
};
