// tests/unit/oracle/history.ts: three records of a short history in which everything is right.
// Order `a` was sent with a key, reserved two units and is completed; order `b` was cancelled on request, and a later request to complete it
// was refused.

import type { Evidence } from '../../oracle/compare.ts';
import { foldOrders } from '../../oracle/fold.ts';
import type { CommandEntry, SubmissionEntry } from '../../oracle/journal.ts';
import type { RawRecord } from '../../oracle/protocol/batch.ts';

interface RecordOptions {
  version?: number;
  correlation?: string;
  causation?: string;
  id?: string;
  data?: unknown;
}

/** A record of the topic `orders`; `renumber` gives it its offset. */
export const record = (
  orderId: string,
  name: string,
  { version, correlation, causation, id, data = {} }: RecordOptions = {},
): RawRecord => ({
  partition: 0,
  offset: -1,
  key: orderId,
  headers: {
    ce_specversion: '1.0',
    ce_id: id ?? `${orderId}-${name}-${version ?? correlation ?? causation}`,
    ce_type: `orders.${name}.v1`,
    ce_subject: orderId,
    ce_time: '2026-01-01T00:00:00.000Z',
    ...(version === undefined ? {} : { ce_orderversion: String(version) }),
    ...(correlation === undefined ? {} : { ce_correlationid: correlation }),
    ...(causation === undefined ? {} : { ce_causationid: causation }),
  },
  value: JSON.stringify(data),
});

const lamp = { product_id: 'lamp', quantity: 2 };
export const created = (orderId: string, correlation: string) =>
  record(orderId, 'OrderCreated', { version: 1, correlation, data: { items: [{ ...lamp, stocked: orderId === 'a' }], total_minor: 500 } });

export const submission = (orderId: string, change: Partial<SubmissionEntry> = {}): SubmissionEntry => ({
  kind: 'submission',
  key: orderId === 'a' ? 'key-a' : null,
  chosen: null,
  orderIds: [orderId],
  totalMinor: 500,
  outcome: 'ok',
  status: 201,
  code: null,
  attempts: [`${orderId}.1`],
  ...change,
});

export const command = (orderId: string, attempt: string, change: Partial<CommandEntry> = {}): CommandEntry => ({
  kind: 'command',
  orderId,
  outcome: 'ok',
  status: 200,
  code: null,
  attempts: [attempt],
  order: { status: 'cancelled', version: 2, totalMinor: 500 },
  ...change,
});

export const renumber = (records: RawRecord[]): RawRecord[] => records.map((each, offset) => ({ ...each, offset }));

/** PostgreSQL as it would be after exactly these records, with `times` for every row. */
export const databaseOf = (records: readonly RawRecord[]): Evidence['database'] => {
  const { orders, verdicts } = foldOrders(records);
  const all = [...orders.values()];
  const count = (status: string) => all.filter((order) => order.status === status).length;
  return {
    rows: all.map(({ orderId, status, history, totalMinor, parked }) => ({
      orderId,
      status,
      version: history.length,
      totalMinor,
      parked,
      times: [1, 2, 3],
    })),
    archive: verdicts.map(({ partition, offset, effect, event }) => ({
      partition,
      offset,
      effect,
      orderId: event?.orderId ?? null,
      type: event === null ? null : `orders.${event.name}.v1`,
    })),
    counters: {
      pending: count('pending'),
      processing: count('processing'),
      completed: count('completed'),
      cancelled: count('cancelled'),
      rejected: count('rejected'),
      parked: 0,
      revenueMinor: 500 * count('completed'),
    },
    products: [{ productId: 'lamp', putIn: 10, reserved: 0, sold: 2 }],
    held: [],
  };
};

export const cleanHistory = (): { [K in keyof Evidence]: Evidence[K] extends readonly (infer T)[] ? T[] : Evidence[K] } => {
  const orders = renumber([
    created('a', 'a.1'),
    created('b', 'b.1'),
    record('a', 'OrderProcessing', { version: 2, data: { reserved: [lamp] } }),
    record('b', 'OrderCancellationRequested', { correlation: 'cancel.1', id: 'cancel-b' }),
    record('b', 'OrderCancelled', { version: 2, causation: 'cancel-b' }),
    record('a', 'OrderCompleted', { version: 3 }),
    record('b', 'OrderStatusChangeRequested', { correlation: 'complete.1', id: 'complete-b' }),
    record('b', 'OrderRequestRefused', { causation: 'complete-b' }),
    record('a', 'OrderCompleted', { version: 3, id: 'a zombie' }),
  ]);
  const product = { ...record('lamp', '', { version: 1, data: { stock: 10 } }), offset: 0 };
  product.headers.ce_type = 'products.ProductCreated.v1';
  return {
    journal: [
      submission('a'),
      submission('b'),
      command('b', 'cancel.1'),
      command('b', 'complete.1', { outcome: 'refused', status: 409, code: 'ILLEGAL_TRANSITION', order: null }),
      { kind: 'read', orderId: 'a', version: 1, seen: 2 },
      { kind: 'frame', subscription: 'one', type: 'order', orders: [{ orderId: 'a', version: 1 }] },
      { kind: 'frame', subscription: 'one', type: 'order', orders: [{ orderId: 'a', version: 2 }] },
    ],
    orders,
    products: [product],
    database: databaseOf(orders),
  };
};
