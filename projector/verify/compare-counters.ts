// projector/verify/compare-counters.ts: the counters and the histogram of one partition against a count over the refolded orders.

import type { Client } from '../../shared/postgres/database.ts';
import { COUNTERS, type Counters, columnOf, zeroCounters } from '../../shared/postgres/tables/counters.ts';
import { bucketOf } from '../../shared/postgres/tables/processing-time.ts';
import type { RefoldedOrder } from './refold.ts';
import type { Report } from './report.ts';

export const compareCounters = async (
  snapshot: Client,
  report: Report,
  partition: number,
  orders: ReadonlyMap<string, RefoldedOrder>,
): Promise<void> => {
  // The arithmetic is its own, on purpose: with that of the projector it would find none of its mistakes.
  const counters = zeroCounters();
  const histogram = new Map<number, number>();
  const add = (name: keyof Counters, amount: number): void => {
    counters[name] += amount;
  };
  for (const { order } of orders.values()) {
    add(order.status, 1);
    if (order.parked !== null) add('parked', 1);
    if (order.status !== 'completed') continue;
    const processingMs = order.completedAt! - order.processingStartedAt!;
    add('revenueMinor', order.totalMinor);
    add('processingMs', processingMs);
    add('totalMs', order.completedAt! - order.createdAt);
    add('completedProcessing', 1);
    histogram.set(bucketOf(processingMs), (histogram.get(bucketOf(processingMs)) ?? 0) + 1);
  }

  const id = String(partition);
  const [row = {}] = (await snapshot.query('SELECT * FROM counters WHERE partition = $1', [partition])).rows as Record<string, number>[];
  for (const name of COUNTERS) {
    const [field, expected] = [columnOf(name), counters[name]];
    const actual = row[field] ?? 0; // a partition without orders has no row
    if (actual !== expected) report.add({ what: 'counters', id, field, expected, actual });
  }

  const buckets = await snapshot.query<{ bucket: number; count: number }>(
    'SELECT bucket, count FROM processing_time_histogram WHERE partition = $1',
    [partition],
  );
  const actuals = new Map(buckets.rows.map(({ bucket, count }) => [bucket, count]));
  for (const bucket of new Set([...histogram.keys(), ...actuals.keys()])) {
    const expected = histogram.get(bucket) ?? 0;
    const actual = actuals.get(bucket) ?? 0;
    if (actual !== expected) report.add({ what: 'histogram', id, field: `bucket ${bucket}`, expected, actual });
  }
};
