// The catalogue against a log in memory and a ledger that the test writes.

import { describe, expect, it } from 'vitest';
import { decodeProductEvent, encodeProductEvent } from '../../../shared/log/product-codec.ts';
import type { ProductEvent, ProductRequest } from '../../../shared/product/events.ts';
import { type InMemoryApi, type InMemoryOptions, startApiInMemory } from '../../support/api-in-memory.ts';
import { eventually } from '../../support/eventually.ts';

const withApi = (work: (api: InMemoryApi) => Promise<void>, options?: InMemoryOptions) => async () => {
  const api = await startApiInMemory(options);
  await work(api);
  await api.stop();
  expect(api.fatal).toEqual([]);
};
const call = (api: InMemoryApi, method: 'POST' | 'PUT', url: string, body: unknown, headers: Record<string, string> = {}) =>
  api.app.inject({ method, url, headers: { 'content-type': 'application/json', ...headers }, payload: JSON.stringify(body) });
const events = (api: InMemoryApi): ProductEvent[] =>
  api.productLog.records.flat().flatMap((record) => {
    const decoded = decodeProductEvent(record);
    return decoded.ok ? [decoded.event] : [];
  });
const requested = (api: InMemoryApi): Promise<ProductRequest> =>
  eventually(() => events(api).find((event): event is ProductRequest => event.kind === 'request'), { what: 'a request in the log' });
const land = (api: InMemoryApi, event: ProductEvent) => api.productLog.land(encodeProductEvent(event, 'products'));

const LAMP = { product_id: 'lamp', name: 'Lamp', price: 19.99, stock: 10 };
const lampRow = { put_in: 10, reserved: 2, sold: 3, version: 1 };
const inLedger = (api: InMemoryApi, changes: Partial<typeof lampRow> = {}) =>
  api.products.rows.set('lamp', {
    product_id: 'lamp',
    name: 'Lamp',
    description: null,
    price_minor: 1999,
    currency: 'USD',
    created_at: 0,
    updated_at: 0,
    ...lampRow,
    ...changes,
  });
const answer = (name: 'StockAdjusted' | 'ProductRequestRefused', request: ProductRequest, data: object, version?: number) =>
  ({
    kind: version === undefined ? 'refusal' : 'fact',
    name,
    id: `answer-${request.id}`,
    productId: request.productId,
    time: 0,
    actor: 'system:processor',
    causationId: request.id,
    correlationId: null,
    data,
    ...(version === undefined ? {} : { version }),
  }) as ProductEvent;

describe.concurrent('POST /products', () => {
  it(
    'adds a product that can be read and ordered at once',
    withApi(async (api) => {
      const created = await call(api, 'POST', '/products', LAMP);
      expect(created.statusCode).toBe(201);
      expect(created.headers.location).toBe('/products/lamp');
      const view = {
        product_id: 'lamp',
        name: 'Lamp',
        description: null,
        price: 19.99,
        stock: 10,
        reserved: 0,
        sold: 0,
        available: 10,
        version: 1,
      };
      expect(created.json()).toMatchObject(view);
      expect((await api.get('/products/lamp')).json()).toEqual(created.json());
      const order = (await api.post({ user_id: 1, items: [{ product_id: 'lamp', quantity: 2 }] })).json();
      expect(order).toMatchObject({ order: { total_amount: 39.98, items: [{ product_id: 'lamp', quantity: 2, unit_price: 19.99 }] } });
      expect(JSON.parse(api.log.records.flat()[0]!.value!.toString()).items[0].stocked).toBe(true);
    }),
  );

  it(
    'makes one product of parallel requests with one id: the log decides',
    withApi(async (api) => {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => call(api, 'POST', '/products', { ...LAMP, price: n })));
      expect(answers.map(({ statusCode }) => statusCode).filter((status) => status === 201)).toHaveLength(1);
      expect(answers.filter(({ statusCode }) => statusCode === 409)).toHaveLength(19);
      const winner = answers.find(({ statusCode }) => statusCode === 201)!.json();
      expect((await api.get('/products/lamp')).json()).toEqual(winner);
      expect((await call(api, 'POST', '/products', LAMP)).json()).toMatchObject({ code: 'PRODUCT_ID_TAKEN' });
    }),
  );

  it.each([
    [{}],
    [{ ...LAMP, price: 1.999 }],
    [{ ...LAMP, price: '1' }],
    [{ ...LAMP, stock: -1 }],
    [{ ...LAMP, stock: 1.5 }],
    [{ ...LAMP, name: '' }],
    [{ ...LAMP, colour: 'red' }],
    [{ ...LAMP, product_id: 'a/b' }],
    [{ ...LAMP, product_id: '..' }],
    [null],
    [[]],
  ])('refuses %j', (body) =>
    withApi(async (api) => {
      const refused = await call(api, 'POST', '/products', body);
      expect(refused.statusCode).toBe(400);
      expect(refused.json().code).toBe('VALIDATION_FAILED');
      expect(events(api)).toEqual([]);
    })(),
  );
});

describe.concurrent('a change of stock', () => {
  it(
    'is a request, and 200 with the product as the ledger has it once it is answered',
    withApi(async (api) => {
      await call(api, 'POST', '/products', LAMP);
      inLedger(api);
      const changed = call(api, 'PUT', '/products/lamp/stock', { delta: 5 });
      const request = await requested(api);
      expect(request.data).toEqual({ delta: 5, stock: null, expected_version: null, command_hash: null });
      inLedger(api, { put_in: 15, version: 2 });
      land(api, answer('StockAdjusted', request, { delta: 5 }, 2));
      expect((await changed).json()).toMatchObject({ stock: 12, reserved: 2, sold: 3, available: 10, version: 2 });
    }),
  );

  it(
    'is refused with the code of the ledger',
    withApi(async (api) => {
      inLedger(api);
      const changed = call(api, 'PUT', '/products/lamp/stock', { stock: 1 });
      const request = await requested(api);
      land(api, answer('ProductRequestRefused', request, { code: 'STOCK_WOULD_BE_NEGATIVE', detail: 'two are reserved' }));
      expect((await changed).json()).toMatchObject({ status: 409, code: 'STOCK_WOULD_BE_NEGATIVE', detail: 'two are reserved' });
    }),
  );

  it(
    'with a key is one request however often it is sent, and refuses the key for another change',
    withApi(async (api) => {
      inLedger(api);
      const key = { 'idempotency-key': 'delivery-7' };
      const together = [0, 1].map(() => call(api, 'PUT', '/products/lamp/stock', { delta: 5 }, key));
      await eventually(() => events(api).length === 2, { what: 'both copies' });
      const [request, copy] = events(api) as [ProductRequest, ProductRequest];
      expect(copy.id).toBe(request.id);
      inLedger(api, { put_in: 15, version: 2 });
      const { command_hash: commandHash } = request.data;
      api.products.verdicts.set(request.id, { productId: 'lamp', commandHash, answer: { name: 'StockAdjusted' } });
      land(api, answer('StockAdjusted', request, { delta: 5 }, 2));
      for (const each of await Promise.all(together)) expect(each.json()).toMatchObject({ stock: 12, version: 2 });
      const replay = await call(api, 'PUT', '/products/lamp/stock', { delta: 5 }, key);
      expect(replay.headers['idempotent-replayed']).toBe('true');
      expect(replay.json()).toMatchObject({ stock: 12 });
      expect((await call(api, 'PUT', '/products/lamp/stock', { delta: 6 }, key)).json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
      expect(events(api).filter(({ kind }) => kind === 'request')).toHaveLength(2);
    }),
  );

  it(
    'is 202 with where to ask while no processor answers',
    withApi(
      async (api) => {
        inLedger(api);
        const { statusCode, headers } = await call(api, 'PUT', '/products/lamp/stock', { delta: 5 });
        expect(statusCode).toBe(202);
        const { id } = await requested(api);
        const state = async () => (await api.get(headers.location as string)).json();
        expect(await state()).toEqual({ request_id: id, state: 'pending', code: null, product_id: 'lamp' });
        api.products.verdicts.set(id, { productId: 'lamp', commandHash: null, answer: { name: 'StockAdjusted' } });
        expect(await state()).toMatchObject({ state: 'applied' });
      },
      { decisionWaitMs: 20 },
    ),
  );

  it(
    'says exactly one of delta and stock, of a product that there is',
    withApi(async (api) => {
      for (const body of [{}, { delta: 1, stock: 1 }, { delta: 1.5 }, { delta: '1' }, { stock: -1 }]) {
        expect((await call(api, 'PUT', '/products/lamp/stock', body)).statusCode, JSON.stringify(body)).toBe(400);
      }
      expect((await call(api, 'PUT', '/products/none/stock', { delta: 1 })).json()).toMatchObject({ code: 'PRODUCT_NOT_FOUND' });
      expect((await call(api, 'PUT', '/products/none', {})).statusCode).toBe(400);
    }),
  );
});

describe('GET /products', () => {
  it(
    'pages through the products in the order of their ids',
    withApi(async (api) => {
      for (const id of ['c', 'a', 'b']) api.products.rows.set(id, { ...inLedger(api).get('lamp')!, product_id: id });
      api.products.rows.delete('lamp');
      const first = (await api.get('/products?limit=2')).json();
      expect(first.products.map(({ product_id }: { product_id: string }) => product_id)).toEqual(['a', 'b']);
      const second = (await api.get(`/products?limit=2&cursor=${first.next_cursor}`)).json();
      expect(second).toMatchObject({ products: [{ product_id: 'c' }], next_cursor: null });
    }),
  );
});

describe('a closed catalogue', () => {
  it(
    'refuses what it does not know, and a keyed replay of what it did not know then is answered all the same',
    withApi(
      async (api) => {
        expect((await api.post({ user_id: 1, item_ids: 'x', total_amount: 1 })).json()).toMatchObject({
          status: 422,
          code: 'UNKNOWN_PRODUCT',
        });
        await call(api, 'POST', '/products', LAMP);
        const key = { 'idempotency-key': 'k' };
        const first = await api.post({ user_id: 1, item_ids: 'lamp' }, key);
        expect(first.statusCode).toBe(201);
        const { id } = { id: 'price-change' };
        land(api, {
          kind: 'fact',
          name: 'ProductUpdated',
          version: 2,
          id,
          productId: 'lamp',
          time: 0,
          actor: 'system:processor',
          causationId: null,
          correlationId: null,
          data: { name: 'Lamp', description: null, price_minor: 2500, stock_delta: 0 },
        });
        await eventually(() => api.catalogue.get('lamp')?.priceMinor === 2500, { what: 'the new price' });
        const replay = await api.post({ user_id: 1, item_ids: 'lamp' }, key);
        expect(replay.body).toBe(first.body);
        expect((await api.post({ user_id: 1, item_ids: 'lamp' })).json()).toMatchObject({ order: { total_amount: 25 } });
      },
      { catalog: 'closed' },
    ),
  );
});
