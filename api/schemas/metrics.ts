// api/schemas/metrics.ts: the body of GET /orders/metrics and the report of /health.

import { Type } from 'typebox';
import { ORDER_STATUSES } from '../../shared/order/lifecycle.ts';
import { byStatus, type MetricsView } from '../reads/order-metrics.ts';

const Count = Type.Integer({ minimum: 0 });
const Amount = Type.Number({ minimum: 0 });
const Seconds = (description: string) =>
  Type.Number({ minimum: 0, description: `${description}, in seconds; 0 while no order is completed.` });

const Listed = Type.Object(
  { count: Count, order_ids: Type.Array(Type.String(), { description: 'The newest 1000.' }), truncated: Type.Boolean() },
  { additionalProperties: false },
);

export const EXAMPLE_METRICS: MetricsView = {
  total_orders: 1204,
  pending_orders: 3,
  processing_orders: 41,
  completed_orders: 1150,
  cancelled_orders: 8,
  rejected_orders: 2,
  parked_orders: 0,
  total_revenue: 344988.5,
  average_order_value: 299.99,
  average_processing_time: 2.004,
  average_processing_time_from_creation: 2.018,
  p50_processing_time: 2.001,
  p95_processing_time: 2.009,
  p99_processing_time: 2.031,
  currency: 'USD',
  as_of: '2026-11-21T10:00:00.000Z',
};

export const MetricsSchema = Type.Object(
  {
    total_orders: Count,
    ...byStatus(() => Count),
    parked_orders: Count,
    total_revenue: Type.Number({ minimum: 0, description: 'Sum over completed orders.' }),
    average_order_value: Type.Number({ ...Amount, description: 'total_revenue divided by completed_orders; 0 while there is none.' }),
    average_processing_time: Seconds('From processing_started_at to completed_at, on average'),
    average_processing_time_from_creation: Seconds('From created_at to completed_at, on average'),
    p50_processing_time: Seconds('Median of the processing time, within 1 %'),
    p95_processing_time: Seconds('95th percentile of the processing time, within 1 %'),
    p99_processing_time: Seconds('99th percentile of the processing time, within 1 %'),
    currency: Type.String(),
    as_of: Type.String({ format: 'date-time', description: 'When the counters were read. They follow the log by some ten milliseconds.' }),
    orders: Type.Optional(
      Type.Object(Object.fromEntries(ORDER_STATUSES.map((status) => [status, Listed])), {
        additionalProperties: false,
        description: 'With order_ids=true.',
      }),
    ),
  },
  { $id: 'OrderMetrics', additionalProperties: false },
);
export const MetricsRef = Type.Unsafe<MetricsView>({ $ref: 'OrderMetrics#' });

export const HealthSchema = Type.Object(
  {
    status: Type.Unsafe<string>({ type: 'string', enum: ['ok', 'unavailable'] }),
    checks: Type.Record(
      Type.String(),
      Type.Object({ ok: Type.Boolean(), detail: Type.Optional(Type.String()) }, { additionalProperties: false }),
    ),
  },
  { $id: 'Health', additionalProperties: false },
);
export const HealthRef = Type.Unsafe<object>({ $ref: 'Health#' });
export const EXAMPLE_HEALTH = { status: 'ok', checks: { tail: { ok: true }, log: { ok: true }, read_model: { ok: true } } };
