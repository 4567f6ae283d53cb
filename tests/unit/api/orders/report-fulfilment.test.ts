// Reports of fulfilment that answers later, against a log whose answers the test gives itself.

import { describe, expect, it } from 'vitest';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { created, event, fact } from '../../../support/builders/order-events.ts';
import type { InMemoryApi } from '../../../support/in-memory/api.ts';
import { land, requested, requests, withApi } from '../../../support/in-memory/order-commands.ts';

const started = [created('o'), fact('OrderProcessing', 'o', 2, 'pending')];
const accepted = [...started, fact('OrderFulfilmentAccepted', 'o', 3, 'processing')];
const ENDS: Record<string, OrderEvent[]> = {
  completed: [...accepted, fact('OrderCompleted', 'o', 4, 'processing')],
  cancelled: [...accepted, fact('OrderCancelled', 'o', 4, 'processing')],
  rejected: [created('o'), fact('OrderRejected', 'o', 2, 'pending')],
};
const PARKED = [...accepted, fact('OrderParked', 'o', 4, 'processing')];

const report = (api: InMemoryApi, payload: object, headers: Record<string, string> = {}) =>
  api.app.inject({ method: 'POST', url: '/orders/o/fulfilment', payload, headers });

describe.concurrent('a report', () => {
  it(
    'of work that is done is a request in the log, and 200 with the completed order',
    withApi(async (api) => {
      await land(api, ...accepted);
      const answer = report(api, { outcome: 'done', reference: 'job-7' });
      const { id, name, data } = await requested(api);
      expect(name).toBe('OrderFulfilmentReported');
      const nothing = { expected_version: null, command_hash: null };
      expect(data).toEqual({ outcome: 'done', code: null, detail: null, reference: 'job-7', ...nothing });
      await land(api, fact('OrderCompleted', 'o', 4, 'processing', { causationId: id }));
      expect((await answer).json()).toMatchObject({ message: 'Fulfilment reported', order: { status: 'completed', version: 4 } });
    }),
  );

  it(
    'of a failure says why, and parks the order',
    withApi(async (api) => {
      await land(api, ...accepted);
      const answer = report(api, { outcome: 'failed', code: 'NO_BOX', detail: 'No box of this size.' }, { 'if-match': '"v3"' });
      const { id, data } = await requested(api);
      const said = { code: 'NO_BOX', detail: 'No box of this size.' };
      expect(data).toMatchObject({ outcome: 'failed', ...said, reference: null, expected_version: 3 });
      await land(api, event('OrderParked', 'o', { version: 4, causationId: id, data: { ...said, attempts: 0 } }));
      expect((await answer).json()).toMatchObject({ order: { status: 'processing', parked: { code: 'NO_BOX', attempts: 0 } } });
    }),
  );

  it(
    'of a failure without a code has one',
    withApi(
      async (api) => {
        await land(api, ...started);
        expect((await report(api, { outcome: 'failed' })).statusCode).toBe(202);
        expect((await requested(api)).data).toMatchObject({ outcome: 'failed', code: 'FULFILMENT_FAILED', detail: null });
      },
      { decisionWaitMs: 0 },
    ),
  );

  it.each([
    ['done', 'completed', 200],
    ['failed', 'completed', 409],
    ['done', 'cancelled', 409],
    ['failed', 'cancelled', 409],
    ['done', 'rejected', 409],
    ['failed', 'rejected', 409],
  ] as const)('of %s for an order that is %s is %i, and no record', (outcome, status, expected) =>
    withApi(async (api) => {
      await land(api, ...ENDS[status]!);
      const { statusCode, json } = await report(api, { outcome });
      expect(statusCode).toBe(expected);
      if (expected === 409)
        expect(json()).toMatchObject({ code: 'ILLEGAL_TRANSITION', detail: `A ${status} order cannot have its fulfilment reported.` });
      else expect(json()).toMatchObject({ message: 'Fulfilment reported', order: { status } });
      expect(requests(api)).toEqual([]);
    })(),
  );

  it(
    'of a failure that is repeated is answered like the first: the order is parked',
    withApi(async (api) => {
      await land(api, ...PARKED);
      const { statusCode, json } = await report(api, { outcome: 'failed', code: 'NO_BOX' });
      expect(statusCode).toBe(200);
      expect(json()).toMatchObject({ order: { parked: { code: 'FULFILMENT_FAILED' } } });
      expect(requests(api)).toEqual([]);
    }),
  );

  it(
    'of a failure that comes when another has just parked the order is answered alike',
    withApi(async (api) => {
      await land(api, ...accepted);
      const answer = report(api, { outcome: 'failed' });
      const { id } = await requested(api);
      await land(api, fact('OrderParked', 'o', 4, 'processing'));
      await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code: 'ILLEGAL_TRANSITION', detail: 'parked' } }));
      expect((await answer).statusCode).toBe(200);
      expect((await answer).json()).toMatchObject({ order: { status: 'processing', parked: { code: 'FULFILMENT_FAILED' } } });
    }),
  );

  it(
    'under another reference, or before the order is in processing, is left to the processor',
    withApi(async (api) => {
      await land(api, created('o'));
      const answer = report(api, { outcome: 'done', reference: 'job-8' });
      const { id } = await requested(api);
      await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code: 'REFERENCE_MISMATCH', detail: 'another' } }));
      expect((await answer).json()).toMatchObject({ status: 409, code: 'REFERENCE_MISMATCH', detail: 'another' });
    }),
  );

  it(
    'with an Idempotency-Key is one request, and its first answer is the answer for ever',
    withApi(async (api) => {
      await land(api, ...accepted);
      const key = { 'idempotency-key': 'job-7' };
      const first = report(api, { outcome: 'failed', code: 'NO_BOX' }, key);
      const { id } = await requested(api);
      await land(api, event('OrderParked', 'o', { version: 4, causationId: id, data: { code: 'NO_BOX', attempts: 0 } }));
      await first;
      // Redriven meanwhile: without the key the repetition would park it again.
      await land(api, fact('OrderUnparked', 'o', 5, 'processing'));
      const again = await report(api, { outcome: 'failed', code: 'NO_BOX' }, key);
      expect(again.headers['idempotent-replayed']).toBe('true');
      expect(again.body).toBe((await first).body);
      expect((await report(api, { outcome: 'done' }, key)).json()).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
      expect(requests(api)).toHaveLength(1);
    }),
  );

  it(
    'is checked before anything is recorded',
    withApi(async (api) => {
      await land(api, ...accepted);
      const bad = [
        {},
        { outcome: 'perhaps' },
        { outcome: 'done', code: 'no_box' },
        { outcome: 'done', code: `N${'O'.repeat(64)}` },
        { outcome: 'failed', detail: 'x'.repeat(201) },
        { outcome: 'done', reference: '' },
        { outcome: 'done', reference: 'x'.repeat(201) },
        { outcome: 'done', reference: null },
        { outcome: 'done', reason: 'x' },
      ];
      for (const body of bad) expect((await report(api, body)).json(), JSON.stringify(body)).toMatchObject({ code: 'VALIDATION_FAILED' });
      expect((await api.app.inject({ method: 'POST', url: '/orders/o/fulfilment' })).statusCode).toBe(400);
      expect(requests(api)).toEqual([]);
    }),
  );
});
