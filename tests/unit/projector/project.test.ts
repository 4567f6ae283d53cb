// What each event does to the read model: once, twice, and before its time.

import { describe, expect, it } from 'vitest';
import { project } from '../../../projector/project.ts';
import { decodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { FACT_NAMES, type OrderEvent, type OrderEventName, REQUEST_NAMES } from '../../../shared/order/events.ts';
import type { Effect, Order } from '../../../shared/order/order.ts';
import type { StoredOrder } from '../../../shared/postgres/tables/order-rows.ts';
import { decodedOf, recordsOf, undecodableRecord } from '../../support/builders/log-records.ts';
import { created, event, fact, T0 } from '../../support/builders/order-events.ts';

const ORDER = 'order-1';
const REQUEST = 'request-1';

const creation = created(ORDER, {}, { id: 'e-created', time: T0 });
const processing = fact('OrderProcessing', ORDER, 2, 'pending', { time: T0 + 10 });
const parking = fact('OrderParked', ORDER, 3, 'processing', { time: T0 + 20 });

interface Case {
  /** The order's life before the event. */
  given: OrderEvent[];
  event: OrderEvent;
  once: Effect;
  /** What a second copy of the record does. */
  twice: Effect;
  /** What it does when it comes before everything in `given`. */
  early: Effect;
  /** What the row says afterwards, beside what it said before. */
  changes: Partial<Order>;
}

/** Every event has its row; a new one without does not compile. */
const CASES: Record<OrderEventName, Case> = {
  OrderCreated: {
    given: [],
    event: creation,
    once: 'applied',
    twice: 'void',
    early: 'applied',
    changes: { status: 'pending', version: 1 },
  },
  OrderProcessing: {
    given: [creation],
    event: processing,
    once: 'applied',
    twice: 'void',
    early: 'void',
    changes: { status: 'processing', version: 2, processingStartedAt: T0 + 10, updatedAt: T0 + 10 },
  },
  OrderCompleted: {
    given: [creation, processing],
    event: fact('OrderCompleted', ORDER, 3, 'processing', { time: T0 + 30 }),
    once: 'applied',
    twice: 'void',
    early: 'void',
    changes: { status: 'completed', version: 3, completedAt: T0 + 30, updatedAt: T0 + 30 },
  },
  OrderCancelled: {
    given: [creation, processing],
    event: fact('OrderCancelled', ORDER, 3, 'processing', { time: T0 + 30, causationId: REQUEST }),
    once: 'applied',
    twice: 'void',
    early: 'void',
    changes: {
      status: 'cancelled',
      version: 3,
      cancelledAt: T0 + 30,
      updatedAt: T0 + 30,
      reason: 'changed my mind',
      answeredRequests: [REQUEST],
    },
  },
  OrderRejected: {
    given: [creation],
    event: fact('OrderRejected', ORDER, 2, 'pending', { time: T0 + 30 }),
    once: 'applied',
    twice: 'void',
    early: 'void',
    changes: { status: 'rejected', version: 2, rejectedAt: T0 + 30, updatedAt: T0 + 30, reason: 'OUT_OF_STOCK' },
  },
  OrderAmended: {
    given: [creation],
    event: fact('OrderAmended', ORDER, 2, 'pending', { time: T0 + 30 }),
    once: 'applied',
    twice: 'void',
    early: 'void',
    changes: {
      version: 2,
      updatedAt: T0 + 30,
      totalMinor: 500,
      items: [{ product_id: '7', quantity: 1, unit_price_minor: 500, stocked: false }],
    },
  },
  OrderParked: {
    given: [creation, processing],
    event: parking,
    once: 'applied',
    twice: 'void',
    early: 'void',
    changes: { version: 3, updatedAt: T0 + 20, parked: { since: T0 + 20, code: 'FULFILMENT_FAILED', attempts: 3 } },
  },
  OrderUnparked: {
    given: [creation, processing, parking],
    event: fact('OrderUnparked', ORDER, 4, 'processing', { time: T0 + 30 }),
    once: 'applied',
    twice: 'void',
    early: 'void',
    changes: { version: 4, updatedAt: T0 + 30, parked: null },
  },
  OrderFulfilmentAccepted: {
    given: [creation, processing],
    event: fact('OrderFulfilmentAccepted', ORDER, 3, 'processing', { time: T0 + 30 }),
    once: 'applied',
    twice: 'void',
    early: 'void',
    changes: { version: 3, updatedAt: T0 + 30, accepted: { at: T0 + 30, reference: 'job-7' } },
  },
  OrderRequestRefused: {
    given: [creation],
    event: event('OrderRequestRefused', ORDER, { causationId: REQUEST }),
    once: 'refusal',
    twice: 'void',
    early: 'refusal', // of an order that nobody knows
    changes: { answeredRequests: [REQUEST] },
  },
  OrderCancellationRequested: unchanging('OrderCancellationRequested'),
  OrderStatusChangeRequested: unchanging('OrderStatusChangeRequested'),
  OrderAmendmentRequested: unchanging('OrderAmendmentRequested'),
  OrderRedriveRequested: unchanging('OrderRedriveRequested'),
  OrderFulfilmentReported: unchanging('OrderFulfilmentReported'),
};

function unchanging(name: (typeof REQUEST_NAMES)[number]): Case {
  return { given: [creation], event: event(name, ORDER), once: 'request', twice: 'request', early: 'request', changes: {} };
}

const projectEvents = (events: OrderEvent[], stored: StoredOrder | null = null, from = 0) =>
  project(decodedOf(recordsOf(events, 3, from)), () => stored);

const rowOf = (events: OrderEvent[]): StoredOrder | null => projectEvents(events).changes[0]?.after ?? null;

describe.each(Object.entries(CASES))('%s', (name, { given, event: each, once, twice, early, changes }) => {
  const before = rowOf(given);

  it(`is ${once} the first time, and changes the row accordingly`, () => {
    const batch = projectEvents([each], before, given.length);
    expect(batch.archive).toMatchObject([{ orderId: ORDER, type: `orders.${name}.v1`, effect: once }]);
    if (Object.keys(changes).length === 0) expect(batch.changes).toEqual([]);
    else expect(batch.changes).toMatchObject([{ before, after: { order: { ...before?.order, ...changes }, lastOffset: given.length } }]);
  });

  it(`is ${twice} the second time, and changes nothing more`, () => {
    const batch = projectEvents([each, each], before, given.length);
    expect(batch.archive.map(({ effect }) => effect)).toEqual([once, twice]);
    expect(batch.changes).toEqual(projectEvents([each], before, given.length).changes);
  });

  it(`is ${early} when it comes before everything else`, () => {
    const batch = projectEvents([each]);
    expect(batch.archive.map(({ effect }) => effect)).toEqual([early]);
    expect(batch.changes.length).toBe(name === 'OrderCreated' ? 1 : 0);
  });
});

it('has a case for every event that the core knows', () => {
  expect(Object.keys(CASES).sort()).toEqual([...FACT_NAMES, ...REQUEST_NAMES, 'OrderRequestRefused'].sort());
});

describe('a batch', () => {
  it('holds each order once, with its state before and after the whole batch', () => {
    const { changes } = projectEvents([creation, processing]);
    expect(changes).toMatchObject([
      { before: null, after: { order: { status: 'processing' }, partition: 3, createdOffset: 0, lastOffset: 1 } },
    ]);
  });

  it('moves the checkpoint of each partition from its first record to behind its last', () => {
    const other = recordsOf([created('order-2')], 1, 40);
    const { moves } = project(decodedOf([...recordsOf([creation, processing], 0, 7), ...other]), () => null);
    expect(moves).toEqual([
      { partition: 0, from: 7, to: 9, lastEventId: processing.id },
      { partition: 1, from: 40, to: 41, lastEventId: expect.any(String) },
    ]);
  });

  it('archives what cannot be decoded, without believing anything in it', () => {
    const { archive, moves, changes } = project(decodedOf([undecodableRecord(0, 5)]), () => null);
    expect(archive).toMatchObject([{ effect: 'undecodable', orderId: null, type: null }]);
    expect(moves).toEqual([{ partition: 0, from: 5, to: 6, lastEventId: null }]);
    expect(changes).toEqual([]);
  });

  it('refuses records with a hole between them', () => {
    const records = decodedOf([...recordsOf([creation], 0, 5), ...recordsOf([processing], 0, 7)]);
    expect(() => project(records, () => null)).toThrow('contiguous');
  });

  it('replaces the products of an amended order', () => {
    const amended = fact('OrderAmended', ORDER, 2, 'pending');
    const row = (productId: string) => ({ productId, orderId: ORDER, createdAt: T0 });
    expect(projectEvents([creation, amended]).products).toEqual({ added: [row('7')], removed: [] });
    expect(projectEvents([amended], rowOf([creation]), 1).products).toEqual({ added: [row('7')], removed: [row('5')] });
  });

  it('lists a product once, however often the order does', () => {
    const item = (product_id: string) => ({ product_id, quantity: 1, unit_price_minor: null, stocked: false });
    const { products } = projectEvents([created(ORDER, { items: [item('5'), item('6'), item('5')] })]);
    expect(products.added.map(({ productId }) => productId)).toEqual(['5', '6']);
  });
});

describe('what cannot be stored', () => {
  const sabotaged = (change: (record: ReturnType<typeof recordsOf>[number]) => object) => {
    const [record] = recordsOf([creation]);
    return decodeOrderEvent({ ...record!, ...change(record!) });
  };

  it.each([
    ['NUL in the data', () => ({ value: Buffer.from(JSON.stringify({ ...creation.data, note: 'a\u0000b' })) })],
    ['half a surrogate pair in the data', () => ({ value: Buffer.from(JSON.stringify({ ...creation.data, note: '\ud800' })) })],
    ['NUL in an id', ({ headers }: { headers: object }) => ({ headers: { ...headers, ce_id: Buffer.from('a\0b') } })],
    [
      'a time before 1970',
      ({ headers }: { headers: object }) => ({ headers: { ...headers, ce_time: Buffer.from('-004713-01-01T00:00:00Z') } }),
    ],
    [
      'a time after 9999',
      ({ headers }: { headers: object }) => ({ headers: { ...headers, ce_time: Buffer.from('+010000-01-01T00:00:00Z') } }),
    ],
  ])('is no event: %s', (_, change) => {
    expect(sabotaged(change as never)).toMatchObject({ ok: false });
  });

  it('is not mistaken for text that merely talks about it', () => {
    expect(sabotaged(() => ({ value: Buffer.from(JSON.stringify({ ...creation.data, note: String.raw`\u0000 \ud800` })) }))).toMatchObject({
      ok: true,
    });
  });
});
