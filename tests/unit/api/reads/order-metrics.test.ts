// The numbers of GET /orders/metrics from the counters.

import { describe, expect, it } from 'vitest';
import { type CountersRow, metricsView } from '../../../../api/reads/order-metrics.ts';
import { bucketOf } from '../../../../shared/postgres/tables/processing-time.ts';

const nothing: CountersRow = {
  pending: 0,
  processing: 0,
  completed: 0,
  cancelled: 0,
  rejected: 0,
  parked: 0,
  revenueMinor: 0,
  processingMs: 0,
  totalMs: 0,
  completedProcessing: 0,
  histogram: [],
  as_of: Date.parse('2026-01-01T00:00:00.000Z'),
};

describe('the metrics body', () => {
  it('is all zeros before anything happened', () => {
    const { currency, as_of, ...numbers } = metricsView(nothing, 'EUR');
    expect({ currency, as_of }).toEqual({ currency: 'EUR', as_of: '2026-01-01T00:00:00.000Z' });
    expect(Object.values(numbers)).toEqual(Array(14).fill(0));
  });

  it('has money in major units, durations in seconds, and averages over completed orders', () => {
    const histogram = [...Array.from({ length: 98 }, () => 2_000), 4_000, 60_000].map((ms) => ({ bucket: bucketOf(ms), count: 1 }));
    const view = metricsView(
      {
        ...nothing,
        pending: 1,
        processing: 2,
        completed: 100,
        cancelled: 3,
        rejected: 4,
        parked: 1,
        revenueMinor: 1_000_050,
        processingMs: 260_050,
        totalMs: 300_000,
        completedProcessing: 100,
        histogram,
      },
      'USD',
    );
    expect(view).toMatchObject({
      total_orders: 110,
      completed_orders: 100,
      parked_orders: 1,
      total_revenue: 10_000.5,
      average_order_value: 100.01,
      average_processing_time: 2.601,
      average_processing_time_from_creation: 3,
    });
    expect(view.p50_processing_time).toBeCloseTo(2, 1);
    expect(view.p95_processing_time).toBeCloseTo(2, 1);
    expect(Math.abs(view.p99_processing_time - 4)).toBeLessThan(0.04);
    expect(view.orders).toBeUndefined();
  });

  it('says of every status whether its list is complete', () => {
    const ids = { pending_ids: ['a', 'b'], processing_ids: [], completed_ids: ['c'], cancelled_ids: [], rejected_ids: [] };
    expect(metricsView({ ...nothing, pending: 2, completed: 5, ...ids }, 'USD').orders).toEqual({
      pending: { count: 2, order_ids: ['a', 'b'], truncated: false },
      processing: { count: 0, order_ids: [], truncated: false },
      completed: { count: 5, order_ids: ['c'], truncated: true },
      cancelled: { count: 0, order_ids: [], truncated: false },
      rejected: { count: 0, order_ids: [], truncated: false },
    });
  });
});
