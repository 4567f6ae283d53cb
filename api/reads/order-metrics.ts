// api/reads/order-metrics.ts: the body of GET /orders/metrics, from counters and a histogram that the projector keeps.
// Never COUNT(*): it costs the same with ten orders and with ten million.

import { ORDER_STATUSES, type OrderStatus } from '../../shared/order/lifecycle.ts';
import { fromMinor } from '../../shared/order/money.ts';
import { COUNTER_SUMS, type Counters } from '../../shared/postgres/tables/counters.ts';
import { percentile } from '../../shared/postgres/tables/processing-time.ts';

/** How many ids each status lists: enough to look at, small enough for one answer. */
export const LISTED_IDS_MAX = 1_000;

/** The sums over all partitions, as one statement reads them. */
export type CountersRow = Counters & {
  histogram: { bucket: number; count: number }[];
  as_of: number;
} & Partial<Record<`${OrderStatus}_ids`, string[]>>;

const statement = (more: readonly string[]): string => `
  SELECT ${COUNTER_SUMS}, now() AS as_of,
    (SELECT coalesce(json_agg(h), '[]') FROM
      (SELECT bucket, sum(count)::int8 AS count FROM processing_time_histogram GROUP BY bucket) h) AS histogram
    ${more.map((each) => `, ${each}`).join('')}
  FROM counters`;

export const METRICS_STATEMENT = statement([]);
export const METRICS_WITH_IDS_STATEMENT = statement(
  ORDER_STATUSES.map(
    (status) => `ARRAY(SELECT order_id FROM orders WHERE status = '${status}'
      ORDER BY created_at DESC, order_id DESC LIMIT ${LISTED_IDS_MAX}) AS ${status}_ids`,
  ),
);

/** `pending_orders` and so on: one property for each status. */
export const byStatus = <T>(value: (status: OrderStatus) => T) =>
  Object.fromEntries(ORDER_STATUSES.map((status) => [`${status}_orders`, value(status)])) as Record<`${OrderStatus}_orders`, T>;

/** Averages and percentiles are over completed orders, and 0 while there are none. Durations are in seconds. */
export const metricsView = (counters: CountersRow, currency: string) => {
  const { completed, completedProcessing: timed, histogram } = counters;
  const percentileSeconds = (share: number): number => Math.round(percentile(histogram, share) ?? 0) / 1000;
  return {
    total_orders: ORDER_STATUSES.reduce((sum, status) => sum + counters[status], 0),
    ...byStatus((status) => counters[status]),
    parked_orders: counters.parked,
    total_revenue: fromMinor(counters.revenueMinor),
    average_order_value: fromMinor(average(counters.revenueMinor, completed)),
    average_processing_time: average(counters.processingMs, timed) / 1000,
    average_processing_time_from_creation: average(counters.totalMs, completed) / 1000,
    p50_processing_time: percentileSeconds(0.5),
    p95_processing_time: percentileSeconds(0.95),
    p99_processing_time: percentileSeconds(0.99),
    currency,
    as_of: new Date(counters.as_of).toISOString(),
    ...(counters.pending_ids === undefined ? {} : { orders: listedIds(counters) }),
  };
};
export type MetricsView = ReturnType<typeof metricsView>;

/** Rounded to a whole minor unit or millisecond. */
const average = (sum: number, count: number): number => (count === 0 ? 0 : Math.round(sum / count));

const listedIds = (counters: CountersRow): Record<OrderStatus, { count: number; order_ids: string[]; truncated: boolean }> => {
  const listed = (status: OrderStatus) => {
    const ids = counters[`${status}_ids`] ?? [];
    return { count: counters[status], order_ids: ids, truncated: counters[status] > ids.length };
  };
  return Object.fromEntries(ORDER_STATUSES.map((status) => [status, listed(status)])) as ReturnType<typeof listedIds>;
};
