// Commands against a log whose answers the test gives itself: what is appended, what is waited for, what comes out.

import { describe, expect, it } from 'vitest';
import { DUPLICATE_WINDOW_MS } from '../../../../shared/order/late-duplicates.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { created, event, fact, T0 } from '../../../support/builders/order-events.ts';
import { eventually } from '../../../support/eventually.ts';
import type { InMemoryApi } from '../../../support/in-memory/api.ts';
import { besides, land, requested, requests, withApi } from '../../../support/in-memory/order-commands.ts';

const JSON_HEADERS = { 'content-type': 'application/json' };
const call = (api: InMemoryApi, method: 'PUT' | 'PATCH' | 'POST', url: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  api.app.inject({ method, url, headers: { ...JSON_HEADERS, ...headers }, payload: JSON.stringify(body) });
const recordCount = (api: InMemoryApi): number => api.log.records.flat().length;
describe.concurrent('a command', () => {
  it(
    'is a request in the log, and 200 with the order as the answering fact left it',
    withApi(async (api) => {
      await land(api, created('o'));
      const answer = call(api, 'POST', '/api/orders/o/cancel', { reason: 'ordered twice' });
      const request = await requested(api);
      expect(request).toMatchObject({
        name: 'OrderCancellationRequested',
        orderId: 'o',
        actor: 'anonymous',
        data: { reason: 'ordered twice', expected_version: null },
      });
      await land(api, fact('OrderCancelled', 'o', 2, 'pending', { causationId: request.id }));
      const { statusCode, headers, json } = await answer;
      expect(statusCode).toBe(200);
      expect(json()).toMatchObject({ message: 'Order cancelled', order: { order_id: 'o', status: 'cancelled', version: 2 } });
      expect(headers).toMatchObject({ etag: '"v2"', 'consistency-token': expect.stringMatching(/^c1\./) });
    }),
  );

  it(
    'waits for the first effective answer: a void fact answers nothing (R2)',
    withApi(async (api) => {
      await land(api, created('o'));
      const answer = call(api, 'POST', '/orders/o/cancel');
      const { id } = await requested(api);
      await land(api, fact('OrderCancelled', 'o', 7, 'pending', { causationId: id }));
      await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code: 'ILLEGAL_TRANSITION', detail: 'too late' } }));
      await land(api, fact('OrderCancelled', 'o', 2, 'pending', { causationId: id }));
      expect((await answer).json()).toMatchObject({ status: 409, code: 'ILLEGAL_TRANSITION', detail: 'too late' });
      expect((await api.get('/orders/o')).json()).toMatchObject({ status: 'pending', version: 1 });
    }),
  );

  it(
    'is 202 with where to ask when nobody answers in time, and the request says later what became of it',
    withApi(
      async (api) => {
        await land(api, created('o'));
        const { statusCode, headers, json } = await call(api, 'PUT', '/orders/o/status', { status: 'completed' });
        const { id } = await requested(api);
        expect(statusCode).toBe(202);
        expect(json()).toEqual({ message: 'Request accepted', order_id: 'o', request_id: id });
        expect(headers.location).toBe(`/orders/o/requests/${id}`);
        const state = async () => (await api.get(headers.location as string)).json();
        expect(await state()).toEqual({ request_id: id, state: 'pending', code: null, order_id: 'o' });
        await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code: 'ILLEGAL_TRANSITION', detail: 'no' } }));
        expect(await state()).toEqual({ request_id: id, state: 'refused', code: 'ILLEGAL_TRANSITION', order_id: 'o' });
        expect((await api.get('/orders/o/requests/none')).json()).toMatchObject({ status: 404, code: 'REQUEST_NOT_FOUND' });
      },
      { decisionWaitMs: 20 },
    ),
  );

  it(
    'is appended again, the same request, while the outcome is unknown',
    withApi(async (api) => {
      await land(api, created('o'));
      api.log.script.push((record) => {
        api.log.land(record);
        return Promise.reject(new AppError('APPEND_OUTCOME_UNKNOWN', 'scripted'));
      });
      const answer = call(api, 'POST', '/orders/o/cancel');
      await eventually(() => requests(api).length === 2, { what: 'the second copy' });
      const [first, second] = requests(api);
      expect(second!.id).toBe(first!.id);
      await land(api, fact('OrderCancelled', 'o', 2, 'pending', { causationId: first!.id }));
      expect((await answer).statusCode).toBe(200);
    }),
  );

  it(
    'appends nothing when the order as of now rules it out, or is as asked already',
    withApi(async (api) => {
      await land(api, created('done'), fact('OrderProcessing', 'done', 2, 'pending'), fact('OrderCompleted', 'done', 3, 'processing'));
      await land(api, created('gone'), fact('OrderCancelled', 'gone', 2, 'pending'));
      await land(api, created('busy'), fact('OrderProcessing', 'busy', 2, 'pending'));
      const before = recordCount(api);
      const refused = { status: 409, code: 'ILLEGAL_TRANSITION' };
      expect((await call(api, 'POST', '/orders/done/cancel')).json()).toMatchObject(refused);
      expect((await call(api, 'PUT', '/orders/gone/status', { status: 'processing' })).json()).toMatchObject(refused);
      expect((await call(api, 'PATCH', '/orders/busy', { item_ids: '1', total_amount: 1 })).json()).toMatchObject(refused);
      expect((await call(api, 'POST', '/orders/done/redrive')).json()).toMatchObject(refused);
      expect((await call(api, 'POST', '/orders/none/cancel')).json()).toMatchObject({ status: 404, code: 'ORDER_NOT_FOUND' });
      expect((await call(api, 'PUT', '/orders/done/status', { status: 'completed' })).json()).toMatchObject({ order: { version: 3 } });
      expect((await call(api, 'POST', '/orders/gone/cancel')).json()).toMatchObject({ order: { status: 'cancelled' } });
      expect(recordCount(api)).toBe(before);
    }),
  );

  it.each([
    ['ILLEGAL_TRANSITION', 'cancelled', 200],
    ['ORDER_NOT_FOUND', 'cancelled', 200],
    ['ORDER_NOT_FOUND', 'completed', 409],
    ['VERSION_MISMATCH', 'cancelled', 412],
  ] as const)('refused with %s because it has meanwhile become %s is %i', (code, became, status) =>
    withApi(async (api) => {
      await land(api, created('o'));
      const answer = call(api, 'POST', '/orders/o/cancel');
      const { id } = await requested(api);
      if (became === 'cancelled') await land(api, fact('OrderCancelled', 'o', 2, 'pending'));
      else await land(api, fact('OrderProcessing', 'o', 2, 'pending'), fact('OrderCompleted', 'o', 3, 'processing'));
      await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code, detail: 'too late' } }));
      const body = (await answer).json();
      expect((await answer).statusCode).toBe(status);
      if (status === 200) expect(body).toMatchObject({ message: 'Order cancelled', order: { status: 'cancelled', version: 2 } });
      if (status === 409) expect(body).toMatchObject({ code: 'ILLEGAL_TRANSITION', detail: 'A completed order cannot be cancelled.' });
    })(),
  );

  it.each([
    ['cancelled', 200],
    ['completed', 409],
  ] as const)('refused after an outage, when the tail has forgotten that the order is %s, is %i all the same', (became, status) =>
    withApi(async (api) => {
      await land(api, created('o', {}, { time: T0 }));
      const answer = call(api, 'POST', '/orders/o/cancel');
      const { id } = await requested(api);
      if (became === 'cancelled') await land(api, fact('OrderCancelled', 'o', 2, 'pending'));
      else await land(api, fact('OrderProcessing', 'o', 2, 'pending'), fact('OrderCompleted', 'o', 3, 'processing'));
      await land(api, created(besides(api, 'o'), {}, { time: T0 + DUPLICATE_WINDOW_MS + 1 }));
      api.readModel.catchUp();
      await eventually(() => api.tail.get('o') === null, { what: 'the tail to forget the order' });
      await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code: 'ORDER_NOT_FOUND', detail: 'not open' } }));
      const body = (await answer).json();
      expect((await answer).statusCode).toBe(status);
      if (status === 200) expect(body).toMatchObject({ message: 'Order cancelled', order: { status: 'cancelled', version: 2 } });
      if (status === 409) expect(body).toMatchObject({ code: 'ILLEGAL_TRANSITION', detail: 'A completed order cannot be cancelled.' });
    })(),
  );

  it(
    'refused when its order has been forgotten and the read model is away is 202: the request is in the log',
    withApi(async (api) => {
      await land(api, created('o', {}, { time: T0 }));
      const answer = call(api, 'POST', '/orders/o/cancel');
      const { id } = await requested(api);
      await land(api, fact('OrderCancelled', 'o', 2, 'pending'));
      await land(api, created(besides(api, 'o'), {}, { time: T0 + DUPLICATE_WINDOW_MS + 1 }));
      api.readModel.catchUp();
      await eventually(() => api.tail.get('o') === null, { what: 'the tail to forget the order' });
      api.readModel.broken = true;
      await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code: 'ORDER_NOT_FOUND', detail: 'not open' } }));
      expect((await answer).statusCode).toBe(202);
      expect((await answer).headers.location).toBe(`/orders/o/requests/${id}`);
    }),
  );

  it(
    'hears its answer although the append is never acknowledged',
    withApi(async (api) => {
      await land(api, created('o'));
      api.log.script.push((record) => {
        api.log.land(record);
        return new Promise(() => {});
      });
      const answer = call(api, 'POST', '/orders/o/cancel');
      const { id } = await requested(api);
      await land(api, fact('OrderCancelled', 'o', 2, 'pending', { causationId: id }));
      expect((await answer).json()).toMatchObject({ order: { status: 'cancelled' } });
      expect(requests(api)).toHaveLength(1);
    }),
  );

  it(
    'to redrive is left to the processor while the order is open: what we know of its parking may be old',
    withApi(async (api) => {
      await land(api, created('o'), fact('OrderProcessing', 'o', 2, 'pending'));
      const answer = call(api, 'POST', '/orders/o/redrive');
      const { id, name } = await requested(api);
      expect(name).toBe('OrderRedriveRequested');
      await land(api, event('OrderParked', 'o', { version: 3 }), event('OrderUnparked', 'o', { version: 4, causationId: id }));
      expect((await answer).json()).toMatchObject({ message: 'Order redriven', order: { status: 'processing', parked: null, version: 4 } });
    }),
  );

  it(
    'changes what lists show, and says so by its token, even when the order already was as asked',
    withApi(async (api) => {
      await land(api, created('o'), fact('OrderCancelled', 'o', 2, 'pending'));
      const token = (await call(api, 'POST', '/orders/o/cancel')).headers['consistency-token'] as string;
      api.readModel.catchUp();
      const list = await api.get(`/orders?after=${token}`);
      expect(list.headers.consistency).toBeUndefined();
      expect(list.json()).toMatchObject({ orders: [{ order_id: 'o', status: 'cancelled' }] });
    }),
  );

  it(
    'amends by the rules of a submission',
    withApi(async (api) => {
      await land(api, created('o'));
      const bad = [
        {},
        { items: [], total_amount: 1 },
        { item_ids: '1' },
        { item_ids: '1', total_amount: '1' },
        { item_ids: '1', total_amount: 1, user_id: 1 },
        { items: [{ product_id: 1, unit_price: 2 }], total_amount: 3 },
      ];
      for (const body of bad) expect((await call(api, 'PATCH', '/orders/o', body)).statusCode, JSON.stringify(body)).toBeOneOf([400, 422]);
      expect(requests(api)).toEqual([]);
      const answer = call(api, 'PUT', '/orders/o', { items: [{ product_id: 7, quantity: 2, unit_price: 2.5 }], total_amount: 5 });
      const { id, data } = await requested(api);
      const items = [{ product_id: '7', quantity: 2, unit_price_minor: 250, stocked: false }];
      expect(data).toEqual({ items, total_minor: 500, expected_version: null, command_hash: null });
      await land(api, event('OrderAmended', 'o', { version: 2, causationId: id, data: { items, total_minor: 500 } }));
      expect((await answer).json()).toMatchObject({ message: 'Order amended', order: { total_amount: 5, item_ids: ['7'], version: 2 } });
    }),
  );

  it(
    'takes bodies only as JSON, and none where there is nothing to say',
    withApi(async (api) => {
      await land(api, created('gone'), fact('OrderCancelled', 'gone', 2, 'pending'));
      expect((await api.app.inject({ method: 'POST', url: '/orders/gone/cancel' })).statusCode).toBe(200);
      const strange = await api.app.inject({
        method: 'POST',
        url: '/orders/gone/cancel',
        headers: { 'content-type': 'text/xml' },
        payload: '<a/>',
      });
      expect(strange.statusCode).toBe(415);
      expect((await call(api, 'POST', '/orders/gone/cancel', { reason: 'x'.repeat(201) })).statusCode).toBe(400);
      expect((await call(api, 'POST', '/orders/gone/cancel', { why: 'x' })).statusCode).toBe(400);
      expect((await call(api, 'PUT', '/orders/gone/status', { status: 'Cancelled' })).statusCode).toBe(400);
      expect((await api.app.inject({ method: 'PUT', url: '/orders/gone/status' })).statusCode).toBe(400);
    }),
  );

  it(
    'is 202 when the api stops before the answer comes',
    withApi(
      async (api) => {
        await land(api, created('o'));
        const answer = call(api, 'POST', '/orders/o/cancel');
        await requested(api);
        await api.app.close();
        expect((await answer).statusCode).toBe(202);
      },
      { decisionWaitMs: 60_000 },
    ),
  );

  it(
    'is 503 when the log never says what became of it, with the request it may have become',
    withApi(
      async (api) => {
        await land(api, created('o'));
        let scripted = 0;
        const unknown = () => {
          scripted += 1;
          return Promise.reject(new AppError(scripted === 1 ? 'APPEND_OUTCOME_UNKNOWN' : 'LOG_UNAVAILABLE', 'scripted'));
        };
        api.log.script.push(unknown, unknown);
        const answer = (await call(api, 'POST', '/orders/o/cancel')).json();
        expect(answer).toMatchObject({ status: 503, code: 'LOG_UNAVAILABLE', order_request_id: expect.any(String) });
      },
      { decisionWaitMs: 20 },
    ),
  );
});

describe.concurrent('If-Match', () => {
  const asks = async (api: InMemoryApi, ifMatch: string) => {
    const answer = await call(api, 'POST', '/orders/o/cancel', {}, { 'if-match': ifMatch });
    return answer.statusCode === 202 ? requests(api).at(-1)!.data.expected_version : answer.json().code;
  };

  it.each([
    ['*', null],
    ['"v2"', 2],
    ['"v1", "v2"', 2],
    ['"v9"', 9],
    ['"v1"', 'VERSION_MISMATCH'],
    ['W/"v2"', 'VERSION_MISMATCH'],
    ['"2"', 'VERSION_MISMATCH'],
    ['v2', 'VERSION_MISMATCH'],
  ])('%s on version 2 demands %s', (ifMatch, expected) =>
    withApi(
      async (api) => {
        await land(api, created('o'), fact('OrderProcessing', 'o', 2, 'pending'));
        expect(await asks(api, ifMatch)).toBe(expected);
      },
      { decisionWaitMs: 1 },
    )(),
  );

  it(
    'is compared by the processor: its refusal is 412',
    withApi(async (api) => {
      await land(api, created('o'));
      const answer = call(api, 'POST', '/orders/o/cancel', {}, { 'if-match': '"v1"' });
      const { id } = await requested(api);
      await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code: 'VERSION_MISMATCH', detail: 'moved on' } }));
      expect((await answer).json()).toMatchObject({ status: 412, code: 'VERSION_MISMATCH', detail: 'moved on' });
    }),
  );

  it(
    'comes before what the order rules out',
    withApi(async (api) => {
      await land(api, created('o'), fact('OrderCancelled', 'o', 2, 'pending'));
      expect((await call(api, 'POST', '/orders/o/cancel', {}, { 'if-match': '"v1"' })).statusCode).toBe(412);
    }),
  );
});

describe.concurrent('GET /orders/:id', () => {
  it.each([
    ['"v2"', 304],
    ['W/"v2"', 304],
    ['"v1", "v2"', 304],
    ['*', 304],
    ['"v1"', 200],
    ['v2', 200],
  ])('with If-None-Match %s on version 2 is %i', (header, status) =>
    withApi(async (api) => {
      await land(api, created('o'), fact('OrderProcessing', 'o', 2, 'pending'));
      const answer = await api.get('/orders/o', { 'if-none-match': header });
      expect(answer.statusCode).toBe(status);
      expect(answer.headers.etag).toBe('"v2"');
    })(),
  );

  it.each([false, true])('with at= is the order as it was then (in the archive: %s)', (stored) =>
    withApi(async (api) => {
      const at = (minute: number) => Date.parse(`2026-01-01T00:0${minute}:00.000Z`);
      await land(api, created('o', {}, { time: at(1) }), fact('OrderProcessing', 'o', 2, 'pending', { time: at(2) }));
      // Its clock went back: by R10 it happened when its predecessor did.
      await land(api, fact('OrderCompleted', 'o', 3, 'processing', { time: at(1) }), fact('OrderCompleted', 'o', 9, 'processing'));
      if (stored) api.readModel.catchUp();
      const seen = async (time: string) => (await api.get(`/orders/o?at=${time}`)).json();
      expect(await seen('2026-01-01T00:00:59.999Z')).toMatchObject({ status: 404, code: 'ORDER_NOT_FOUND' });
      expect(await seen('2026-01-01T00:01:00Z')).toMatchObject({ status: 'pending', version: 1 });
      expect(await seen('2026-01-01T00:01:59.999Z')).toMatchObject({ status: 'pending', version: 1 });
      expect(await seen('2026-01-01T00:02:00Z')).toMatchObject({ status: 'completed', version: 3, processing_duration: 0 });
      for (const other of ['yesterday', '2026-01-01T10:00:00%2B02', '2026-12-31T23:59:60Z', '2026-01-01T10:00:00+02:00', '%00'])
        expect((await api.get(`/orders/o?at=${other}`)).statusCode).toBe(400);
    })(),
  );
});
