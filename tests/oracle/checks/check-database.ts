// tests/oracle/checks/check-database.ts: PostgreSQL against the log: rows, counters, and for every record what the archive says of it.

import type { Counters, DatabaseState, Row } from '../database.ts';
import type { Findings } from '../findings.ts';
import type { Folded, FoldedOrder } from '../fold.ts';

const ENDS: Record<string, string> = {
  'orders.OrderCompleted.v1': 'completed',
  'orders.OrderCancelled.v1': 'cancelled',
  'orders.OrderRejected.v1': 'rejected',
};

export const checkDatabase = (database: DatabaseState, folded: Folded, findings: Findings): void => {
  checkRows(database.rows, folded.orders, findings);
  checkCounters(database.counters, folded.orders, findings);
  checkArchive(database, folded, findings);
  checkLives(database, findings);
};

const checkRows = (rows: readonly Row[], orders: ReadonlyMap<string, FoldedOrder>, { find }: Findings): void => {
  const missing = new Set(orders.keys());
  const seen = new Set<string>();
  for (const { orderId, status, version, totalMinor, parked, times } of rows) {
    if (seen.has(orderId)) find('doubled', `order ${orderId} has two rows`);
    seen.add(orderId);
    missing.delete(orderId);
    const order = orders.get(orderId);
    if (order === undefined) {
      find('drift', `order ${orderId} has a row, and is not in the log`);
      continue;
    }
    const row = { status, version, totalMinor, parked };
    const expected = { status: order.status, version: order.history.length, totalMinor: order.totalMinor, parked: order.parked };
    if (JSON.stringify(row) !== JSON.stringify(expected)) {
      find('drift', `order ${orderId} is ${JSON.stringify(row)}, by the log ${JSON.stringify(expected)}`);
    }
    if (times.some((time, index) => index > 0 && time < times[index - 1]!)) find('drift', `order ${orderId} ended before it began`);
  }
  for (const orderId of missing) find('drift', `order ${orderId} has no row`);
};

const checkCounters = (counters: Counters, orders: ReadonlyMap<string, FoldedOrder>, { find }: Findings): void => {
  const all = [...orders.values()];
  const count = (status: string) => all.filter((order) => order.status === status).length;
  const expected: Counters = {
    pending: count('pending'),
    processing: count('processing'),
    completed: count('completed'),
    cancelled: count('cancelled'),
    rejected: count('rejected'),
    parked: all.filter(({ parked }) => parked).length,
    revenueMinor: all.filter(({ status }) => status === 'completed').reduce((sum, { totalMinor }) => sum + totalMinor, 0),
  };
  for (const [name, value] of Object.entries(expected)) {
    const shown = counters[name as keyof Counters];
    if (shown !== value) find('drift', `the counter ${name} is ${shown}, by the log ${value}`);
  }
};

const checkArchive = ({ archive }: DatabaseState, { verdicts }: Folded, { find }: Findings): void => {
  const left = new Map(verdicts.map((verdict) => [`${verdict.partition}@${verdict.offset}`, verdict]));
  const seen = new Set<string>();
  for (const { partition, offset, effect } of archive) {
    const place = `${partition}@${offset}`;
    const verdict = left.get(place);
    if (seen.has(place)) find('doubled', `the archive has the record ${place} twice`);
    else if (verdict === undefined) find('drift', `the archive has a record ${place}, and the log has none`);
    else if (verdict.effect !== effect) find('drift', `the record ${place} is ${effect} in the archive, by the log ${verdict.effect}`);
    seen.add(place);
    left.delete(place);
  }
  for (const place of left.keys()) find('drift', `the archive misses the record ${place}`);
};

/** The life of each order as the archive tells it, without our fold: what was applied, in log order. */
const checkLives = ({ archive }: DatabaseState, { find }: Findings): void => {
  const positions = archive.map(({ partition, offset }) => [partition, offset] as const);
  if (positions.some(([partition, offset], at) => at > 0 && partition === positions[at - 1]![0] && offset < positions[at - 1]![1])) {
    find('reordered', 'the archive is not in log order');
  }
  const lives = Map.groupBy(
    archive.filter(({ effect }) => effect === 'applied'),
    ({ orderId }) => orderId,
  );
  for (const [orderId, life] of lives) {
    const types = life.map(({ type }) => type ?? '');
    const times = (type: string) => types.filter((each) => each === `orders.${type}.v1`).length;
    const ends = types.filter((type) => type in ENDS);
    if (times('OrderCreated') > 1 || ends.length > 1) find('doubled', `order ${orderId} was created or ended twice: ${types.join(', ')}`);
    if (types[0] !== 'orders.OrderCreated.v1') find('reordered', `order ${orderId} begins with ${types[0]}`);
    if (ends.length > 0 && types.findIndex((type) => type in ENDS) !== types.length - 1)
      find('reordered', `order ${orderId} goes on after its end`);
    if (times('OrderCompleted') > 0 && times('OrderProcessing') !== 1) find('illegal', `order ${orderId} was completed without processing`);
  }
};
