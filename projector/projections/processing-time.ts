// projector/projections/processing-time.ts: the histogram of how long completed orders were in processing, per partition.
// Pure.

import { bucketOf } from '../../shared/postgres/tables/processing-time.ts';
import type { OrderChange } from './orders.ts';

export interface BucketDelta {
  partition: number;
  bucket: number;
  count: number;
}

/** The orders that the changes completed, counted by partition and bucket. An order completes once and stays completed. */
export const processingTimes = (changes: Iterable<OrderChange>): BucketDelta[] => {
  const deltas = new Map<string, BucketDelta>();
  for (const { before, after } of changes) {
    const { completedAt, processingStartedAt } = after.order;
    if (completedAt === null || processingStartedAt === null || (before !== null && before.order.completedAt !== null)) continue;
    const { partition } = after;
    const bucket = bucketOf(completedAt - processingStartedAt);
    const key = `${partition}/${bucket}`;
    const delta = deltas.get(key);
    if (delta === undefined) deltas.set(key, { partition, bucket, count: 1 });
    else delta.count += 1;
  }
  return [...deltas.values()];
};
