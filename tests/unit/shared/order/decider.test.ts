import { describe, expect, it } from 'vitest';
import { answerRequest } from '../../../../shared/order/decider.ts';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import { created, event, fact } from '../../../support/builders/order-events.ts';

const given = (...events: OrderEvent[]): Order => events.reduce<Order | null>((order, next) => evolve(order, next).order, null)!;
const pending = () => given(created('o'));
const processing = () => given(created('o'), fact('OrderProcessing', 'o', 2, 'pending'));
const completed = () => given(created('o'), fact('OrderProcessing', 'o', 2, 'pending'), fact('OrderCompleted', 'o', 3, 'processing'));

describe('answerRequest', () => {
  it.each([
    ['cancels a pending order', pending(), event('OrderCancellationRequested', 'o'), 'OrderCancelled'],
    ['cancels a processing order', processing(), event('OrderCancellationRequested', 'o'), 'OrderCancelled'],
    ['refuses to cancel a completed order', completed(), event('OrderCancellationRequested', 'o'), 'ILLEGAL_TRANSITION'],
    ['completes a processing order by hand', processing(), event('OrderStatusChangeRequested', 'o'), 'OrderCompleted'],
    ['refuses to complete an order that was never started', pending(), event('OrderStatusChangeRequested', 'o'), 'ILLEGAL_TRANSITION'],
    [
      'starts a pending order by hand',
      pending(),
      event('OrderStatusChangeRequested', 'o', { data: { status: 'processing' } }),
      'OrderProcessing',
    ],
    [
      'refuses to reject by request: only the stock decision rejects',
      pending(),
      event('OrderStatusChangeRequested', 'o', { data: { status: 'rejected' } }),
      'ILLEGAL_TRANSITION',
    ],
    ['amends a pending order', pending(), event('OrderAmendmentRequested', 'o'), 'OrderAmended'],
    ['refuses to amend a processing order', processing(), event('OrderAmendmentRequested', 'o'), 'ILLEGAL_TRANSITION'],
    ['refuses to redrive an order that is not parked', processing(), event('OrderRedriveRequested', 'o'), 'ILLEGAL_TRANSITION'],
    [
      'refuses when the order has moved on from the expected version',
      processing(),
      event('OrderCancellationRequested', 'o', { data: { expected_version: 1 } }),
      'VERSION_MISMATCH',
    ],
    ['refuses a request for an unknown order', null, event('OrderCancellationRequested', 'o'), 'ORDER_NOT_FOUND'],
  ] as const)('%s', (_rule, order, request, outcome) => {
    const draft = answerRequest(order, request);
    expect(draft.kind === 'refusal' ? draft.data.code : draft.name).toBe(outcome);
  });

  it('gives a fact that applies: what is decided against the fold is legal in the log', () => {
    for (const order of [pending(), processing()]) {
      const draft = answerRequest(order, event('OrderCancellationRequested', 'o', { id: 'r1' }));
      const stamped = {
        ...event('OrderCancelled', 'o', { version: order.version + 1, causationId: 'r1' }),
        data: draft.data,
      } as OrderEvent;
      expect(evolve(order, stamped)).toMatchObject({ effect: 'applied', order: { status: 'cancelled', answeredRequests: ['r1'] } });
    }
  });

  describe('of a report of fulfilment', () => {
    const report = (data: object) => event('OrderFulfilmentReported', 'o', { data });
    const accepted = () =>
      given(created('o'), fact('OrderProcessing', 'o', 2, 'pending'), fact('OrderFulfilmentAccepted', 'o', 3, 'processing'));
    const parked = () => given(created('o'), fact('OrderProcessing', 'o', 2, 'pending'), fact('OrderParked', 'o', 3, 'processing'));

    it('completes with done: accepted, not known to be accepted yet, and parked', () => {
      for (const order of [accepted(), processing(), parked()])
        expect(answerRequest(order, report({ outcome: 'done' }))).toEqual({
          kind: 'fact',
          name: 'OrderCompleted',
          data: { user_id: '101', previous_status: 'processing' },
        });
    });

    it('parks with failed, as the report says, once', () => {
      const why = { outcome: 'failed', code: 'NO_BOX', detail: 'No box of this size.' };
      expect(answerRequest(accepted(), report(why))).toMatchObject({
        name: 'OrderParked',
        data: { code: 'NO_BOX', detail: 'No box of this size.', attempts: 0 },
      });
      const bare = answerRequest(processing(), report({ outcome: 'failed' }));
      expect(bare).toMatchObject({ name: 'OrderParked', data: { code: 'FULFILMENT_FAILED', attempts: 0 } });
      expect(bare.data).not.toHaveProperty('detail');
      expect(answerRequest(parked(), report(why)).data).toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    });

    it('refuses one of an order that is pending or has ended', () => {
      for (const order of [pending(), completed()])
        for (const outcome of ['done', 'failed'])
          expect(answerRequest(order, report({ outcome })).data).toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    });

    it('refuses one under another reference, where both are known', () => {
      const code = (order: Order, reference: string | null) => {
        const draft = answerRequest(order, report({ outcome: 'done', reference }));
        return draft.kind === 'refusal' ? draft.data.code : draft.name;
      };
      expect(code(accepted(), 'job-8')).toBe('REFERENCE_MISMATCH');
      expect(code(accepted(), 'job-7')).toBe('OrderCompleted');
      expect(code(accepted(), null)).toBe('OrderCompleted');
      expect(code(processing(), 'job-8')).toBe('OrderCompleted');
      expect(code({ ...accepted(), accepted: { at: 0, reference: null } }, 'job-8')).toBe('OrderCompleted');
    });
  });

  it('unparks a parked order on redrive', () => {
    const parked = given(created('o'), fact('OrderProcessing', 'o', 2, 'pending'), fact('OrderParked', 'o', 3, 'processing'));
    expect(answerRequest(parked, event('OrderRedriveRequested', 'o')).name).toBe('OrderUnparked');
  });
});
