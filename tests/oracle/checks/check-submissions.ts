// tests/oracle/checks/check-submissions.ts: the journal's submissions against the log.
// Each made the one order that its client was told of, or none; and nobody else made any.

import type { Findings } from '../findings.ts';
import type { Folded, FoldedOrder } from '../fold.ts';
import type { SubmissionEntry } from '../journal.ts';

export interface Submitted {
  /** Those that were acknowledged, lost ones included. */
  accepted: number;
  /** What the log has of them. */
  orders: FoldedOrder[];
  unknownLanded: number;
  unknownAbsent: number;
}

export const checkSubmissions = (entries: readonly SubmissionEntry[], { orders }: Folded, { find }: Findings): Submitted => {
  const entryOf = new Map(entries.flatMap((entry) => entry.attempts.map((attempt) => [attempt, entry] as const)));
  const madeBy = Map.groupBy(orders.values(), ({ created }) => entryOf.get(created.correlationId ?? ''));
  const acknowledged = new Map<string, SubmissionEntry>();
  const result: Submitted = { accepted: 0, orders: [], unknownLanded: 0, unknownAbsent: 0 };

  for (const { orderId } of madeBy.get(undefined) ?? []) find('phantom', `order ${orderId}: nobody asked for it`);
  for (const entry of entries) {
    const { outcome, orderIds } = entry;
    const what = `${entry.key === null ? 'a submission' : `the submission with key ${entry.key}`} (${entry.attempts.at(-1)})`;
    const made = madeBy.get(entry) ?? [];
    if (entry.status === 500) find('defect', what);
    const ids = new Set([...orderIds, ...made.map(({ orderId }) => orderId)]);
    if (ids.size > 1) find('doubled', `${what} is the orders ${[...ids].join(', ')}`);
    if (outcome === 'refused' && made.length > 0)
      find('phantom', `order ${made[0]!.orderId}: ${what} was told ${entry.status} ${entry.code}`);
    if (outcome === 'unknown' || outcome === 'pending') {
      if (made.length > 0) result.unknownLanded += 1;
      else result.unknownAbsent += 1;
      if (outcome === 'pending' && !orderIds.every((id) => orders.has(id))) find('lost', `${what} was answered 202, and is not in the log`);
    }
    const { chosen } = entry;
    if (chosen !== null && [...ids].some((id) => id !== chosen)) find('misanswered', `${what} chose the order id ${chosen}`);
    if (outcome !== 'ok') continue;

    result.accepted += 1;
    for (const id of orderIds) {
      if (acknowledged.has(id)) find('doubled', `order ${id} was given to two submissions`);
      acknowledged.set(id, entry);
      const order = orders.get(id);
      if (order === undefined) find('lost', `order ${id} of ${what}`);
      else {
        result.orders.push(order);
        if (!made.includes(order)) find('misanswered', `order ${id} was not made by ${what}`);
        const { totalMinor } = order.history[0]!;
        if (totalMinor !== entry.totalMinor) find('misanswered', `order ${id} costs ${totalMinor}, and ${entry.totalMinor} was sent`);
      }
    }
  }
  return result;
};
