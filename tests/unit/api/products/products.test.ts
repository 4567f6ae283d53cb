// The catalogue against a log in memory and a ledger that the test writes.

import { describe, expect, it } from 'vitest';
import { decodeProductEvent, encodeProductEvent } from '../../../../shared/log/codec/product-codec.ts';
import type { ProductCreated, ProductEvent, ProductRequest } from '../../../../shared/product/events.ts';
import { productEvent } from '../../../support/builders/product-events.ts';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, type InMemoryOptions, startApiInMemory } from '../../../support/in-memory/api.ts';
import { inSteeredTime, passUntil } from '../../../support/steered-time.ts';

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
const requests = (api: InMemoryApi): ProductRequest[] => events(api).filter((event): event is ProductRequest => event.kind === 'request');
/** The newest request, once there is one that nobody has answered. */
const requested = (api: InMemoryApi): Promise<ProductRequest> =>
  eventually(() => requests(api).findLast(({ id }) => events(api).every(({ causationId }) => causationId !== id)), {
    what: 'a request in the log',
  });
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
const lampCreated = () => productEvent('ProductCreated', 'lamp', { data: { name: 'Lamp', price_minor: 1999, stock: 10 } });
const repriced = (price_minor: number, version = 2) => productEvent('ProductUpdated', 'lamp', { version, data: { price_minor } });
const known = (api: InMemoryApi, priceMinor = 1999) =>
  eventually(() => api.catalogue.get('lamp')?.priceMinor === priceMinor, { what: 'the catalogue to know it' });
/** A lamp that everybody has read of. */
const withLamp = (work: (api: InMemoryApi) => Promise<void>, options?: InMemoryOptions) =>
  withApi(async (api) => {
    land(api, lampCreated());
    await known(api);
    inLedger(api);
    await work(api);
  }, options);

describe('a catalogue or a log that does not answer', () => {
  it(
    'POST is 202 while the catalogue cannot read who was first, and 503 while the log does not answer',
    inSteeredTime(
      withApi(async (api) => {
        api.productLog.hold(true);
        const pending = await passUntil(call(api, 'POST', '/products', LAMP), 'an answer');
        expect(pending.statusCode).toBe(202);
        expect(pending.headers.location).toBe('/products/lamp');
        api.productLog.script.push(() => new Promise<never>(() => {}));
        const doubtful = await passUntil(call(api, 'POST', '/products', { ...LAMP, product_id: 'desk' }), 'an answer');
        expect(doubtful.json()).toMatchObject({ code: 'LOG_UNAVAILABLE' });
        api.productLog.hold(false);
      }),
    ),
  );

  it(
    'PUT /products/:product_id/stock is 503 with its id when nobody knows whether the request is in the log',
    inSteeredTime(
      withLamp(
        async (api) => {
          api.productLog.script.push(() => new Promise<never>(() => {}));
          const answer = await passUntil(call(api, 'PUT', '/products/lamp/stock', { delta: 5 }), 'an answer');
          expect(answer.json()).toMatchObject({
            status: 503,
            code: 'LOG_UNAVAILABLE',
            order_request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          });
        },
        { decisionWaitMs: 20 },
      ),
    ),
  );
});

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

  it(
    'takes a whole number for an id, and makes one where there is none',
    withApi(async (api) => {
      expect((await call(api, 'POST', '/products', { ...LAMP, product_id: 5 })).json()).toMatchObject({ product_id: '5' });
      expect((await api.post({ user_id: 1, item_ids: [5] })).json()).toMatchObject({ order: { total_amount: 19.99 } });
      const { product_id: _, ...nameless } = LAMP;
      const made = await call(api, 'POST', '/api/products/', nameless);
      expect(made.json().product_id).toMatch(/^[0-9a-f-]{36}$/);
      expect(made.headers.location).toBe(`/api/products/${made.json().product_id}`);
    }),
  );

  it(
    'is refused while there are PRODUCTS_MAX',
    withApi(
      async (api) => {
        expect((await call(api, 'POST', '/products', LAMP)).statusCode).toBe(201);
        const refused = await call(api, 'POST', '/products', { ...LAMP, product_id: 'desk' });
        expect(refused.json()).toMatchObject({ status: 503, code: 'OVERLOADED' });
        expect(refused.headers['retry-after']).toBe('1');
        expect(events(api)).toHaveLength(1);
      },
      { productsMax: 1 },
    ),
  );

  it.each([
    [{}],
    [{ ...LAMP, product_id: 1.5 }],
    [{ ...LAMP, product_id: null }],
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

describe.concurrent('POST /products with a key', () => {
  const { product_id: _, ...UNNAMED } = LAMP;
  const KEY = { 'idempotency-key': 'lamp-of-june' };
  const create = (api: InMemoryApi, body: unknown = UNNAMED) => call(api, 'POST', '/products', body, KEY);

  it(
    'makes one product, and is answered with the same bytes whatever has become of it',
    withApi(async (api) => {
      const first = await create(api);
      expect(first.statusCode).toBe(201);
      const { product_id: id } = first.json();
      land(api, productEvent('ProductUpdated', id, { version: 2, data: { name: 'Desk lamp', price_minor: 1 } }));
      await eventually(() => api.catalogue.get(id)?.version === 2, { what: 'the catalogue to know the new price' });
      const again = await create(api);
      expect(again).toMatchObject({ statusCode: 201, body: first.body });
      expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true', location: `/products/${id}` });
      expect(first.headers['idempotent-replayed']).toBeUndefined();
      expect(events(api).filter(({ name }) => name === 'ProductCreated')).toHaveLength(1);
    }),
  );

  it(
    'makes one product of parallel requests, and all are told of it',
    withApi(async (api) => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => create(api)));
      expect(new Set(answers.map(({ statusCode, body }) => `${statusCode} ${body}`)).size).toBe(1);
      expect(answers[0]!.statusCode).toBe(201);
      expect(api.catalogue.size()).toBe(1);
    }),
  );

  it(
    'is told by the ledger on an instance that has come since, and 503 while the ledger does not have it',
    withApi(async (api) => {
      const first = await create(api);
      const created = events(api)[0] as ProductCreated;
      const other = await startApiInMemory({ start: false });
      other.products.snapshot.products.push({ productId: created.productId, priceMinor: 1999, version: 1, createdEventId: created.id });
      await Promise.all([other.tail.start(), other.catalogue.start()]);
      expect((await create(other)).json()).toMatchObject({ status: 503, code: 'READ_MODEL_UNAVAILABLE' });
      other.products.verdicts.set(created.id, { productId: created.productId, commandHash: created.data.command_hash, answer: created });
      expect(await create(other)).toMatchObject({ statusCode: 201, body: first.body });
      expect(events(other)).toEqual([]);
      await other.stop();
    }),
  );

  it(
    'is 422 for another product, and 400 with an id of the client',
    withApi(async (api) => {
      await create(api);
      expect((await create(api, { ...UNNAMED, price: 20 })).json()).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
      expect((await create(api, LAMP)).json()).toMatchObject({ status: 400, code: 'TWO_KEYS' });
      expect((await call(api, 'POST', '/products', { ...LAMP, product_id: 'k_mine' })).json()).toMatchObject({
        status: 400,
        errors: [{ path: '/product_id' }],
      });
      expect(events(api)).toHaveLength(1);
    }),
  );
});

describe.concurrent('a change of stock', () => {
  it(
    'is a request, and 200 with the product as the ledger has it once it is answered',
    withLamp(async (api) => {
      const changed = call(api, 'PUT', '/products/lamp/stock', { delta: 5 });
      const request = await requested(api);
      expect(request.data).toEqual({ delta: 5, stock: null, expected_version: null, command_hash: null });
      inLedger(api, { put_in: 15, version: 2 });
      land(api, productEvent('StockAdjusted', 'lamp', { version: 2, causationId: request.id, data: { delta: 5 } }));
      expect((await changed).json()).toMatchObject({ stock: 12, reserved: 2, sold: 3, available: 10, version: 2 });
    }),
  );

  it(
    'is refused with the code of the ledger',
    withLamp(async (api) => {
      for (const code of ['STOCK_WOULD_BE_NEGATIVE', 'STOCK_TOO_LARGE']) {
        const changed = call(api, 'PUT', '/products/lamp/stock', { stock: 1 });
        const request = await requested(api);
        land(api, productEvent('ProductRequestRefused', 'lamp', { causationId: request.id, data: { code, detail: 'because' } }));
        expect((await changed).json()).toMatchObject({ status: 409, code, detail: 'because' });
      }
    }),
  );

  it(
    'is not answered by a fact that arbitration passes over (R2)',
    withLamp(async (api) => {
      const changed = call(api, 'PUT', '/products/lamp/stock', { delta: 5 });
      const { id: causationId } = await requested(api);
      land(api, productEvent('StockAdjusted', 'lamp', { version: 1, causationId, data: { delta: 5 } }));
      land(api, productEvent('ProductRequestRefused', 'lamp', { causationId, data: { code: 'STOCK_TOO_LARGE', detail: 'because' } }));
      expect((await changed).json()).toMatchObject({ code: 'STOCK_TOO_LARGE' });
    }),
  );

  it(
    'with a key is one request however often it is sent, and refuses the key for another change',
    withLamp(async (api) => {
      const key = { 'idempotency-key': 'delivery-7' };
      const together = [0, 1].map(() => call(api, 'PUT', '/products/lamp/stock', { delta: 5 }, key));
      await eventually(() => requests(api).length === 2, { what: 'both copies' });
      const [request, copy] = requests(api) as [ProductRequest, ProductRequest];
      expect(copy.id).toBe(request.id);
      inLedger(api, { put_in: 15, version: 2 });
      const { command_hash: commandHash } = request.data;
      const answer = productEvent('StockAdjusted', 'lamp', { version: 2, causationId: request.id, data: { delta: 5, result: null } });
      api.products.verdicts.set(request.id, { productId: 'lamp', commandHash, answer });
      land(api, answer);
      for (const each of await Promise.all(together)) expect(each.json()).toMatchObject({ stock: 12, version: 2 });
      const replay = await call(api, 'PUT', '/products/lamp/stock', { delta: 5 }, key);
      expect(replay.headers['idempotent-replayed']).toBe('true');
      expect(replay.json()).toMatchObject({ stock: 12 });
      expect((await call(api, 'PUT', '/products/lamp/stock', { delta: 6 }, key)).json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
      expect(requests(api)).toHaveLength(2);
    }),
  );

  it(
    'with a key is answered with the same bytes, whatever has become of the product',
    withLamp(async (api) => {
      const key = { 'idempotency-key': 'delivery-7' };
      const first = call(api, 'PUT', '/products/lamp/stock', { delta: 5 }, key);
      const { id, data } = await requested(api);
      const { product_id: _, version: __, ...row } = { ...api.products.rows.get('lamp')!, put_in: 15 };
      const answer = productEvent('StockAdjusted', 'lamp', { version: 2, causationId: id, data: { delta: 5, result: row } });
      api.products.verdicts.set(id, { productId: 'lamp', commandHash: data.command_hash, answer });
      land(api, answer);
      expect((await first).json()).toMatchObject({ stock: 12, reserved: 2, version: 2 });
      inLedger(api, { put_in: 15, reserved: 7, version: 3 });
      const again = await call(api, 'PUT', '/products/lamp/stock', { delta: 5 }, key);
      expect(again.body).toBe((await first).body);
      expect(again.headers['idempotent-replayed']).toBe('true');
    }),
  );

  it(
    'is 202 with where to ask while no processor answers',
    withLamp(
      async (api) => {
        const { statusCode, headers } = await call(api, 'PUT', '/products/lamp/stock', { delta: 5 });
        expect(statusCode).toBe(202);
        const { id } = await requested(api);
        const at = headers.location as string;
        expect(at).toBe(`/products/lamp/requests/${id}`);
        const state = async (path = at) => (await api.get(path)).json();
        const pending = { request_id: id, state: 'pending', code: null, product_id: 'lamp' };
        expect(await state()).toEqual(pending);
        api.products.verdicts.set(id, { productId: 'lamp', commandHash: null, answer: productEvent('StockAdjusted', 'lamp') });
        expect(await state()).toEqual({ ...pending, state: 'applied' });
        expect(await state(`/products/desk/requests/${id}`)).toEqual({ ...pending, product_id: 'desk' });
        const refusal = { name: 'ProductRequestRefused', data: { code: 'STOCK_TOO_LARGE', detail: 'no' } } as const;
        api.products.verdicts.set(id, { productId: 'lamp', commandHash: null, answer: refusal });
        expect(await state()).toEqual({ ...pending, state: 'refused', code: 'STOCK_TOO_LARGE' });
      },
      { decisionWaitMs: 20 },
    ),
  );

  it(
    'is 202, not 503, when its answer has come and the ledger cannot be read: it is recorded',
    withLamp(async (api) => {
      for (const headers of [{}, { 'idempotency-key': 'delivery-8' }] as Record<string, string>[]) {
        const changed = call(api, 'PUT', '/products/lamp/stock', { delta: 5 }, headers);
        const { id: causationId } = await requested(api);
        api.products.broken = true;
        land(api, productEvent('StockAdjusted', 'lamp', { version: 1 + requests(api).length, causationId, data: { delta: 5 } }));
        expect((await changed).statusCode).toBe(202);
        expect((await changed).headers.location).toBe(`/products/lamp/requests/${causationId}`);
        api.products.broken = false;
      }
    }),
  );

  it(
    'of a product that there is not is 404',
    withApi(async (api) => {
      expect((await call(api, 'PUT', '/products/none/stock', { delta: 1 })).json()).toMatchObject({ code: 'PRODUCT_NOT_FOUND' });
      expect((await call(api, 'PUT', '/products/none', { price: 1 })).json()).toMatchObject({ code: 'PRODUCT_NOT_FOUND' });
      expect(events(api)).toEqual([]);
    }),
  );

  it.each([
    ['/stock', {}],
    ['/stock', { delta: 1, stock: 1 }],
    ['/stock', { delta: 1.5 }],
    ['/stock', { delta: '1' }],
    ['/stock', { delta: null }],
    ['/stock', { delta: 1_000_000_001 }],
    ['/stock', { stock: -1 }],
    ['/stock', { stock: 1_000_000_001 }],
    ['/stock', { price: 1 }],
    ['/stock', { delta: 1, reason: 'x' }],
    ['/stock', null],
    ['', {}],
    ['', { delta: 1 }],
    ['', { name: '' }],
    ['', { name: null }],
    ['', { name: 'x'.repeat(201) }],
    ['', { description: 'x'.repeat(2_001) }],
    ['', { price: 0.001 }],
    ['', { price: -1 }],
    ['', { price: 10_000_000_000 }],
    ['', { product_id: 'other' }],
    ['', { stock: true }],
    ['', [1]],
  ])('to /products/lamp%s is refused as %j', (path, body) =>
    withLamp(async (api) => {
      const refused = await call(api, 'PUT', `/products/lamp${path}`, body);
      expect(refused.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
      expect(requests(api)).toEqual([]);
    })(),
  );
});

describe.concurrent('PUT /products/:id', () => {
  it.each([
    [{ name: 'Desk lamp' }, { name: 'Desk lamp' }],
    [{ description: null }, { description: null }],
    [{ description: '' }, { description: '' }],
    [
      { price: 0, stock: 0 },
      { price_minor: 0, stock: 0 },
    ],
    [
      { name: 'L', description: 'D', price: 9_999_999_999.99, stock: 1_000_000_000 },
      { name: 'L', description: 'D', price_minor: 999_999_999_999, stock: 1_000_000_000 },
    ],
  ])('asks for %j and nothing else', (body, data) =>
    withLamp(
      async (api) => {
        expect((await call(api, 'PUT', '/products/lamp', body)).statusCode).toBe(202);
        expect((await requested(api)).data).toEqual({ ...data, expected_version: null, command_hash: null });
      },
      { decisionWaitMs: 0 },
    )(),
  );
});

describe.concurrent('a product that another instance has just created', () => {
  const unread = (work: (api: InMemoryApi) => Promise<void>, options?: InMemoryOptions) =>
    withApi(async (api) => {
      api.productLog.hold(true);
      land(api, lampCreated());
      const answered = work(api);
      await api.productLog.asked();
      api.productLog.hold(false);
      await answered;
    }, options);

  it(
    'can be read here',
    unread(async (api) => expect((await api.get('/products/lamp')).json()).toMatchObject({ product_id: 'lamp', stock: 10 })),
  );

  it(
    'is not refused here for want of a total',
    unread(async (api) => {
      expect((await api.post({ user_id: 1, item_ids: 'lamp' })).json()).toMatchObject({ order: { total_amount: 19.99 } });
    }),
  );

  it(
    'is not unknown to a closed catalogue here',
    unread(async (api) => expect((await api.post({ user_id: 1, item_ids: 'lamp', total_amount: 19.99 })).statusCode).toBe(201), {
      catalog: 'closed',
    }),
  );

  it(
    'has its new price here',
    withLamp(async (api) => {
      api.productLog.hold(true);
      land(api, repriced(2500));
      const ordered = api.post({ user_id: 1, items: [{ product_id: 'lamp', unit_price: 25 }] });
      await api.productLog.asked();
      api.productLog.hold(false);
      expect((await ordered).json()).toMatchObject({ order: { total_amount: 25 } });
      const stale = await api.post({ user_id: 1, items: [{ product_id: 'lamp', unit_price: 19.99 }] });
      expect(stale.json()).toMatchObject({ code: 'PRICE_MISMATCH' });
    }),
  );
});

describe.concurrent('a catalogue that starts', () => {
  const seeded = { productId: 'lamp', priceMinor: 1999, version: 1, createdEventId: 'e' };

  it(
    'takes no orders before it knows what there is: they would not count as stocked (R14)',
    withApi(
      async (api) => {
        land(api, lampCreated());
        await api.tail.start();
        const order = { user_id: 1, item_ids: 'lamp', total_amount: 1 };
        expect((await api.post(order)).json()).toMatchObject({ status: 503, code: 'LOG_UNAVAILABLE' });
        expect(api.log.records.flat()).toEqual([]);
        await api.catalogue.start();
        await eventually(() => api.catalogue.isCaughtUp(), { what: 'the catalogue to be read' });
        expect((await api.post(order)).json()).toMatchObject({ code: 'TOTAL_MISMATCH' });
      },
      { start: false },
    ),
  );

  it(
    'begins with what the ledger has read and goes on with the log behind it',
    withApi(
      async (api) => {
        const { partition, offset } = land(api, lampCreated());
        land(api, repriced(2500));
        land(api, repriced(9900)); // a second fact with this version: void
        api.products.snapshot.products.push(seeded);
        api.products.snapshot.starts.set(partition, offset + 1);
        await Promise.all([api.tail.start(), api.catalogue.start()]);
        await known(api, 2500);
        await eventually(() => api.catalogue.isCaughtUp(), { what: 'the catalogue to be read' });
        expect(api.catalogue.get('lamp')).toMatchObject({ priceMinor: 2500, version: 2 });
      },
      { start: false },
    ),
  );

  it(
    'answers a read that came before it was seeded',
    withApi(
      async (api) => {
        const { partition, offset } = land(api, lampCreated());
        api.products.snapshot.products.push(seeded);
        api.products.snapshot.starts.set(partition, offset + 1);
        inLedger(api);
        const read = api.get('/products/lamp');
        await api.productLog.asked();
        await api.catalogue.start();
        expect((await read).statusCode).toBe(200);
      },
      { start: false },
    ),
  );

  it(
    'does not say 404 of a product that the ledger has lost',
    withApi(
      async (api) => {
        api.products.snapshot.products.push(seeded);
        await api.catalogue.start();
        expect((await api.get('/products/lamp')).json()).toMatchObject({ status: 503, code: 'READ_MODEL_UNAVAILABLE' });
      },
      { start: false },
    ),
  );
});

describe('GET /products', () => {
  it(
    'pages through the products in the order of their ids',
    withApi(async (api) => {
      inLedger(api);
      for (const id of ['c', 'a', 'b']) api.products.rows.set(id, { ...api.products.rows.get('lamp')!, product_id: id });
      api.products.rows.delete('lamp');
      const first = (await api.get('/products?limit=2')).json();
      expect(first.products.map(({ product_id }: { product_id: string }) => product_id)).toEqual(['a', 'b']);
      const second = (await api.get(`/products?limit=2&cursor=${first.next_cursor}`)).json();
      expect(second).toMatchObject({ products: [{ product_id: 'c' }], next_cursor: null });
      const foreign = (await api.get('/orders?limit=1')).json().next_cursor ?? Buffer.from('{"q":"x","at":"a"}').toString('base64url');
      for (const cursor of [foreign, 'nonsense']) {
        expect((await api.get(`/products?cursor=${cursor}`)).json()).toMatchObject({ status: 400, code: 'INVALID_CURSOR' });
      }
      for (const query of ['limit=0', 'limit=501', 'limit=x', 'status=pending']) {
        expect((await api.get(`/products?${query}`)).json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
      }
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
        land(api, repriced(2500));
        await known(api, 2500);
        const replay = await api.post({ user_id: 1, item_ids: 'lamp' }, key);
        expect(replay.body).toBe(first.body);
        expect((await api.post({ user_id: 1, item_ids: 'lamp' })).json()).toMatchObject({ order: { total_amount: 25 } });
      },
      { catalog: 'closed' },
    ),
  );
});
