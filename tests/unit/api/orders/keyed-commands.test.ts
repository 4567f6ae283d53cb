// Commands with an Idempotency-Key, against a log whose answers the test gives itself: however often one is sent, it is one request with one answer.

import { describe, expect, it } from 'vitest';
import { encodeProductEvent } from '../../../../shared/log/codec/product-codec.ts';
import { DUPLICATE_WINDOW_MS } from '../../../../shared/order/late-duplicates.ts';
import { created, event, fact, T0 } from '../../../support/builders/order-events.ts';
import { productEvent } from '../../../support/builders/product-events.ts';
import { eventually } from '../../../support/eventually.ts';
import type { InMemoryApi } from '../../../support/in-memory/api.ts';
import { besides, land, requested, requests, withApi } from '../../../support/in-memory/order-commands.ts';

const KEY = { 'idempotency-key': 'change-1' };
const send = (api: InMemoryApi, method: 'PUT' | 'PATCH' | 'POST', url: string, body: unknown = {}, headers: Record<string, string> = {}) =>
  api.app.inject({ method, url, headers: { 'content-type': 'application/json', ...KEY, ...headers }, payload: JSON.stringify(body) });
const amendment = (causationId: string, version = 2) =>
  event('OrderAmended', 'o', {
    version,
    causationId,
    data: { items: [{ product_id: '7', quantity: 2, unit_price_minor: null, stocked: false }], total_minor: 500 },
  });
const AMEND = { items: [{ product_id: 7, quantity: 2 }], total_amount: 5 };
const toForget = async (api: InMemoryApi, orderId: string): Promise<void> => {
  await land(api, created(besides(api, orderId), {}, { time: T0 + DUPLICATE_WINDOW_MS + 1 }));
  api.readModel.catchUp();
  await eventually(() => api.tail.get(orderId) === null, { what: 'the tail to forget the order' });
};

describe.concurrent('a command that is sent again with its key', () => {
  const CHANGES = [
    ['PUT', '/orders/o/status', { status: 'cancelled', reason: 'no' }, 'OrderCancelled'],
    ['POST', '/orders/o/cancel', { reason: 'no' }, 'OrderCancelled'],
    ['POST', '/orders/o/redrive', {}, 'OrderUnparked'],
    ['PATCH', '/orders/o', AMEND, 'OrderAmended'],
    ['PUT', '/orders/o', AMEND, 'OrderAmended'],
  ] as const;

  it.each(CHANGES)('%s %s is one request, answered with the same bytes', (method, url, body, answer) =>
    withApi(async (api) => {
      await land(api, created('o'));
      if (answer === 'OrderUnparked') await land(api, event('OrderParked', 'o', { version: 2 }));
      const first = send(api, method, url, body);
      const { id } = await requested(api);
      const version = answer === 'OrderUnparked' ? 3 : 2;
      await land(api, answer === 'OrderAmended' ? amendment(id) : event(answer, 'o', { version, causationId: id }));
      expect((await first).statusCode).toBe(200);
      expect((await first).headers['idempotent-replayed']).toBeUndefined();

      const again = await send(api, method, url, body);
      expect(again.body).toBe((await first).body);
      expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true', etag: `"v${version}"` });
      expect(again.headers['consistency-token']).toBe((await first).headers['consistency-token']);
      expect(requests(api)).toHaveLength(1);
    })(),
  );

  it(
    'is answered as it was, whatever the order has become since, and however long it is over',
    withApi(async (api) => {
      await land(api, created('o', {}, { time: T0 }));
      const first = send(api, 'PATCH', '/orders/o', AMEND, { 'if-match': '"v1"' });
      await land(api, amendment((await requested(api)).id));
      await first; // lost on its way
      const again = () => send(api, 'PATCH', '/orders/o', AMEND, { 'if-match': '"v1"' });
      expect(await again()).toMatchObject({ statusCode: 200, body: (await first).body });
      await land(api, fact('OrderProcessing', 'o', 3, 'pending'), fact('OrderCompleted', 'o', 4, 'processing'));
      expect(await again()).toMatchObject({ statusCode: 200, body: (await first).body });
      await toForget(api, 'o');
      expect(await again()).toMatchObject({ statusCode: 200, body: (await first).body });
      expect((await api.get('/orders/o')).json()).toMatchObject({ status: 'completed', version: 4 });
      expect(requests(api)).toHaveLength(1);
    }),
  );

  it(
    'is refused as it was, also when it would be possible by now',
    withApi(async (api) => {
      await land(api, created('o'));
      const first = send(api, 'POST', '/orders/o/redrive');
      const { id } = await requested(api);
      await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code: 'ILLEGAL_TRANSITION', detail: 'not parked' } }));
      await land(api, fact('OrderProcessing', 'o', 2, 'pending'), event('OrderParked', 'o', { version: 3 }));
      for (const answer of [await first, await send(api, 'POST', '/orders/o/redrive')])
        expect(answer.json()).toMatchObject({ status: 409, code: 'ILLEGAL_TRANSITION', detail: 'not parked' });
      expect((await send(api, 'POST', '/orders/o/redrive')).headers['idempotent-replayed']).toBe('true');
      expect(requests(api)).toHaveLength(1);
    }),
  );

  it(
    'and is not answered yet is 202 with the same request, then 200',
    withApi(
      async (api) => {
        await land(api, created('o'));
        const answers = [await send(api, 'POST', '/orders/o/cancel'), await send(api, 'POST', '/orders/o/cancel')];
        const { id } = await requested(api);
        for (const { statusCode, json } of answers) expect([statusCode, json().request_id]).toEqual([202, id]);
        expect(requests(api)).toHaveLength(1);
        await land(api, fact('OrderCancelled', 'o', 2, 'pending', { causationId: id }));
        expect((await send(api, 'POST', '/orders/o/cancel')).json()).toMatchObject({ order: { status: 'cancelled' } });
      },
      { decisionWaitMs: 20 },
    ),
  );

  it(
    'at the same time is one request, and both hear its answer',
    withApi(async (api) => {
      await land(api, created('o'));
      const both = [send(api, 'POST', '/orders/o/cancel'), send(api, 'POST', '/orders/o/cancel')];
      await eventually(() => requests(api).length === 2, { what: 'both copies' });
      const [first, second] = requests(api);
      expect(second!.id).toBe(first!.id);
      await land(api, fact('OrderCancelled', 'o', 2, 'pending', { causationId: first!.id }));
      const [one, other] = await Promise.all(both);
      expect(one!.statusCode).toBe(200);
      expect(other!.body).toBe(one!.body);
    }),
  );

  it(
    'keeps the price that it had: what the catalogue says now is not asked',
    withApi(async (api) => {
      const price = (price_minor: number, version: number) =>
        api.productLog.land(
          encodeProductEvent(
            productEvent(version === 1 ? 'ProductCreated' : 'ProductUpdated', '7', { version, data: { price_minor } }),
            'products',
          ),
        );
      price(250, 1);
      await eventually(() => api.catalogue.get('7')?.priceMinor === 250, { what: 'the catalogue to know the price' });
      await land(api, created('o'));
      const first = send(api, 'PATCH', '/orders/o', AMEND);
      await land(api, amendment((await requested(api)).id));
      expect((await first).statusCode).toBe(200);
      price(300, 2);
      await eventually(() => api.catalogue.get('7')?.priceMinor === 300, { what: 'the catalogue to know the new price' });
      expect((await send(api, 'PATCH', '/orders/o', AMEND)).body).toBe((await first).body);
      expect((await send(api, 'PATCH', '/orders/o', AMEND, { 'idempotency-key': 'another' })).json()).toMatchObject({
        code: 'TOTAL_MISMATCH',
      });
    }),
  );

  it(
    'and was as asked already gets that from the log, so that it is so for ever',
    withApi(async (api) => {
      await land(api, created('o'), fact('OrderProcessing', 'o', 2, 'pending'));
      const first = send(api, 'PUT', '/orders/o/status', { status: 'processing' });
      const { id } = await requested(api);
      await land(api, event('OrderRequestRefused', 'o', { causationId: id, data: { code: 'ILLEGAL_TRANSITION', detail: 'it is' } }));
      expect((await first).json()).toMatchObject({ message: 'Order status updated successfully', order: { status: 'processing' } });
      await land(api, fact('OrderCompleted', 'o', 3, 'processing'));
      expect((await send(api, 'PUT', '/orders/o/status', { status: 'processing' })).body).toBe((await first).body);
    }),
  );
});

describe.concurrent('a key', () => {
  it(
    'stands for one command: another is 422, before its answer and after',
    withApi(
      async (api) => {
        await land(api, created('o'));
        await send(api, 'POST', '/orders/o/cancel', { reason: 'one' });
        const others = async () => [
          await send(api, 'POST', '/orders/o/cancel', { reason: 'another' }),
          await send(api, 'POST', '/orders/o/cancel', { reason: 'one' }, { 'if-match': '"v1"' }),
          await send(api, 'PATCH', '/orders/o', AMEND),
        ];
        for (const answer of await others()) expect(answer.json()).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
        await land(api, fact('OrderCancelled', 'o', 2, 'pending', { causationId: (await requested(api)).id }));
        for (const answer of await others()) expect(answer.json()).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
        expect(requests(api)).toHaveLength(1);
      },
      { decisionWaitMs: 20 },
    ),
  );

  it(
    'of one order says nothing about another',
    withApi(
      async (api) => {
        await land(api, created('o'), created('p'));
        await send(api, 'POST', '/orders/o/cancel');
        await send(api, 'POST', '/orders/p/cancel');
        const [first, second] = requests(api);
        expect(second!.id).not.toBe(first!.id);
      },
      { decisionWaitMs: 20 },
    ),
  );

  it(
    'is not used up by what was refused without a record',
    withApi(
      async (api) => {
        expect((await send(api, 'POST', '/orders/o/cancel')).statusCode).toBe(404);
        await land(api, created('o'));
        expect((await send(api, 'PATCH', '/orders/o', { items: [{ product_id: 7 }] })).json()).toMatchObject({ code: 'TOTAL_REQUIRED' });
        expect((await send(api, 'POST', '/orders/o/cancel')).statusCode).toBe(202);
      },
      { decisionWaitMs: 20 },
    ),
  );

  it(
    'whose answer a restored database has lost is not taken for unused',
    withApi(async (api) => {
      await land(api, created('o', {}, { time: T0 }));
      const first = send(api, 'POST', '/orders/o/cancel', {}, { 'if-match': '"v1"' });
      await land(api, fact('OrderCancelled', 'o', 2, 'pending', { causationId: (await requested(api)).id }));
      await first;
      await toForget(api, 'o');
      api.readModel.events = async () => ({ checkpoint: api.tail.checkpoint(0), events: [] });
      const again = await send(api, 'POST', '/orders/o/cancel', {}, { 'if-match': '"v1"' });
      expect(again.json()).toMatchObject({ status: 503, code: 'READ_MODEL_UNAVAILABLE' });
    }),
  );
});
