// What the api refuses, or calls done, without asking the processor: every change of an order in every status.

import { describe, expect, it } from 'vitest';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { ORDER_STATUSES, type OrderStatus } from '../../../../shared/order/lifecycle.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import { type RequestedChange, ruledOut } from '../../../../shared/order/ruled-out.ts';
import { created, fact } from '../../../support/builders/order-events.ts';

const given = (...events: OrderEvent[]): Order => events.reduce<Order | null>((order, next) => evolve(order, next).order, null)!;
const PROCESSING = [created('o'), fact('OrderProcessing', 'o', 2, 'pending')];
const ORDERS: Record<OrderStatus, Order> = {
  pending: given(created('o')),
  processing: given(...PROCESSING),
  completed: given(...PROCESSING, fact('OrderCompleted', 'o', 3, 'processing')),
  cancelled: given(...PROCESSING, fact('OrderCancelled', 'o', 3, 'processing')),
  rejected: given(created('o'), fact('OrderRejected', 'o', 2, 'pending')),
};

const cancel: RequestedChange = { name: 'OrderCancellationRequested', data: { reason: null } };
const toCompleted: RequestedChange = { name: 'OrderStatusChangeRequested', data: { status: 'completed', reason: null } };
const amend: RequestedChange = { name: 'OrderAmendmentRequested', data: { items: [], total_minor: 0 } };
const redrive: RequestedChange = { name: 'OrderRedriveRequested', data: {} };

const reported = (outcome: 'done' | 'failed'): RequestedChange => ({
  name: 'OrderFulfilmentReported',
  data: { outcome, code: null, detail: null, reference: null },
});

const open = { pending: null, processing: null };
const cannot = (what: string) =>
  Object.fromEntries(ORDER_STATUSES.map((status) => [status, { impossible: `A ${status} order cannot ${what}.` }]));

describe('what is ruled out before a request is appended', () => {
  it.each([
    ['a cancellation', cancel, { ...cannot('be cancelled'), ...open, cancelled: 'unchanged' }],
    ['a change of status', toCompleted, { ...cannot('become completed'), ...open, completed: 'unchanged' }],
    ['an amendment', amend, { ...cannot('be amended'), pending: null }],
    ['a report of fulfilment', reported('done'), { ...cannot('have its fulfilment reported'), ...open, completed: 'unchanged' }],
    ['a report of failure', reported('failed'), { ...cannot('have its fulfilment reported'), ...open }],
    ['a redrive, parked or not', redrive, { ...cannot('be redriven'), ...open }],
  ])('of %s', (_, change, expected) => {
    expect(Object.fromEntries(ORDER_STATUSES.map((status) => [status, ruledOut(ORDERS[status], change)]))).toEqual(expected);
  });

  it('answers a repeated report of failure as the first, which has parked the order', () => {
    const parked = given(...PROCESSING, fact('OrderParked', 'o', 3, 'processing'));
    expect(ruledOut(parked, reported('failed'))).toBe('unchanged');
    expect(ruledOut(parked, reported('done'))).toBeNull();
  });
});
