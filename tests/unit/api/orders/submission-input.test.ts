// POST /orders with everything that is not an order: the right code each time, and no record in the log.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

let api: InMemoryApi;
beforeAll(async () => {
  api = await startApiInMemory();
});
afterAll(() => api.stop());

const good = { user_id: 1, item_ids: [1], total_amount: 1 };
const recordsInLog = () => api.log.records.flat().length;

const refused = async (body: unknown, headers: Record<string, string> = {}) => {
  const before = recordsInLog();
  const answer = await api.post(body, headers);
  expect(recordsInLog(), 'records in the log').toBe(before);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  return { status: answer.statusCode, ...answer.json<{ code: string; detail: string; errors?: { path: string; message: string }[] }>() };
};

describe('bodies that are not orders', () => {
  it.each<[string, unknown, string]>([
    ['nothing', {}, '/user_id'],
    ['an array', [], '/'],
    ['null', 'null', '/'],
    ['a number', '1', '/'],
    ['a string', '"order"', '/'],
    ['no user', { ...good, user_id: undefined }, '/user_id'],
    ['a null user', { ...good, user_id: null }, '/user_id'],
    ['an empty user', { ...good, user_id: '' }, '/user_id'],
    ['a user with a space', { ...good, user_id: 'a b' }, '/user_id'],
    ['a user with a NUL', { ...good, user_id: 'a\0b' }, '/user_id'],
    ['a user with a lone surrogate', '{"user_id":"\\ud800","item_ids":[1],"total_amount":1}', '/user_id'],
    ['a user of 65 characters', { ...good, user_id: 'x'.repeat(65) }, '/user_id'],
    ['a user with a fraction', { ...good, user_id: 1.5 }, '/user_id'],
    ['a negative user', { ...good, user_id: -1 }, '/user_id'],
    ['a user beyond exact integers', { ...good, user_id: 1e300 }, '/user_id'],
    ['a boolean user', { ...good, user_id: true }, '/user_id'],
    ['an object as user', { ...good, user_id: {} }, '/user_id'],
    ['no items', { user_id: 1, total_amount: 1 }, '/items'],
    ['both kinds of items', { ...good, items: [{ product_id: 1 }] }, '/item_ids'],
    ['null items', { ...good, items: null }, '/items'],
    ['empty item_ids', { ...good, item_ids: [] }, '/item_ids'],
    ['empty text', { ...good, item_ids: '' }, '/item_ids'],
    ['a hole in the text', { ...good, item_ids: '5,,6' }, '/item_ids'],
    ['a null id', { ...good, item_ids: [null] }, '/item_ids/0'],
    ['a nested array', { ...good, item_ids: [[1]] }, '/item_ids/0'],
    ['an id with a slash', { ...good, item_ids: ['a/b'] }, '/item_ids/0'],
    ['101 ids', { ...good, item_ids: Array(101).fill(1) }, '/item_ids'],
    ['item_ids as number', { ...good, item_ids: 5 }, '/item_ids'],
    ['no product', { user_id: 1, items: [{}], total_amount: 1 }, '/items/0/product_id'],
    ['a quantity of 0', { user_id: 1, items: [{ product_id: 1, quantity: 0 }], total_amount: 1 }, '/items/0/quantity'],
    ['a negative quantity', { user_id: 1, items: [{ product_id: 1, quantity: -1 }], total_amount: 1 }, '/items/0/quantity'],
    ['half a piece', { user_id: 1, items: [{ product_id: 1, quantity: 0.5 }], total_amount: 1 }, '/items/0/quantity'],
    ['10,001 pieces', { user_id: 1, items: [{ product_id: 1, quantity: 10_001 }], total_amount: 1 }, '/items/0/quantity'],
    ['a quantity as text', { user_id: 1, items: [{ product_id: 1, quantity: '2' }], total_amount: 1 }, '/items/0/quantity'],
    ['a null quantity', { user_id: 1, items: [{ product_id: 1, quantity: null }], total_amount: 1 }, '/items/0/quantity'],
    ['a price of three decimals', { user_id: 1, items: [{ product_id: 1, unit_price: 1.999 }], total_amount: 1 }, '/items/0/unit_price'],
    ['an unknown field of an item', { user_id: 1, items: [{ product_id: 1, colour: 'red' }], total_amount: 1 }, '/items/0/colour'],
    ['an item as text', { user_id: 1, items: ['5'], total_amount: 1 }, '/items/0'],
    ['a negative total', { ...good, total_amount: -1 }, '/total_amount'],
    ['a total as text', { ...good, total_amount: '299.99' }, '/total_amount'],
    ['a null total', { ...good, total_amount: null }, '/total_amount'],
    ['true as total', { ...good, total_amount: true }, '/total_amount'],
    ['a total of three decimals', { ...good, total_amount: 1.005 }, '/total_amount'],
    ['a total of 1e300', { ...good, total_amount: 1e300 }, '/total_amount'],
    ['a total of ten billion', { ...good, total_amount: 1e10 }, '/total_amount'],
    ['an infinite total', '{"user_id":1,"item_ids":[1],"total_amount":1e999}', '/total_amount'],
    ['an unknown field', { ...good, discount: 5 }, '/discount'],
    ['a status', { ...good, status: 'completed' }, '/status'],
    ['an empty order_id', { ...good, order_id: '' }, '/order_id'],
    ['an order_id with a slash', { ...good, order_id: 'a/b' }, '/order_id'],
    ['an order_id as number', { ...good, order_id: 7 }, '/order_id'],
    ['an order_id of a keyed order', { ...good, order_id: 'k_1' }, '/order_id'],
    ['an order_id that is a route', { ...good, order_id: 'metrics' }, '/order_id'],
  ])('%s', async (_what, body, path) => {
    const problem = await refused(body);
    expect(problem).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    expect(problem.errors?.map((error) => error.path)).toContain(path);
    expect(problem.errors?.every(({ message }) => message.length > 0)).toBe(true);
  });

  it.each<[string, string]>([
    ['nothing at all', ''],
    ['half an object', '{"user_id":1'],
    ['not JSON', 'user_id=1'],
    ['a trailing comma', '{"user_id":1,}'],
    ['NaN', '{"user_id":1,"item_ids":[1],"total_amount":NaN}'],
    ['a prototype', '{"user_id":1,"item_ids":[1],"total_amount":1,"__proto__":{"x":1}}'],
  ])('%s is not JSON', async (_what, body) => {
    expect(await refused(body)).toMatchObject({ status: 400, code: 'MALFORMED_JSON' });
  });

  it('names every field that is wrong, and at most twenty', async () => {
    const { errors } = await refused({ user_id: null, item_ids: [null, 1, {}], total_amount: 'x', more: 1 });
    expect(errors?.map(({ path }) => path).sort()).toEqual(['/item_ids/0', '/item_ids/2', '/more', '/total_amount', '/user_id']);
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, 1]));
    expect((await refused(many)).errors).toHaveLength(20);
  });

  it('says of a few items too many that they are too many, and of many that it has not looked at them', async () => {
    const items = (count: number) => Array.from({ length: count }, () => ({ product_id: 1, quantity: 1 }));
    expect((await refused({ ...good, item_ids: undefined, items: items(101) })).errors).toMatchObject([{ path: '/items' }]);
    expect((await refused({ ...good, item_ids: undefined, items: items(1_000) })).errors).toMatchObject([{ path: '/' }]);
  });

  it('has no room for a megabyte', async () => {
    expect(await refused({ ...good, user_id: 'x'.repeat(1_048_576) })).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' });
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json, text/plain',
    'application/jsonx',
    'json',
  ])('does not take %s', async (type) => {
    expect(await refused(good, { 'content-type': type })).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('takes JSON with a charset', async () => {
    expect((await api.post(good, { 'content-type': 'application/json; charset=utf-8' })).statusCode).toBe(201);
  });

  it('knows no query parameters', async () => {
    const answer = await api.post(good, {}, '/orders?dry_run=true');
    expect(answer.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: 'query/dry_run' }] });
  });
});

describe('orders that contradict themselves', () => {
  it('needs a total', async () => {
    expect(await refused({ user_id: 1, item_ids: [1] })).toMatchObject({ status: 422, code: 'TOTAL_REQUIRED' });
  });
  it('needs the right total', async () => {
    expect(await refused({ user_id: 1, items: [{ product_id: 1, unit_price: 2 }], total_amount: 3 })).toMatchObject({
      status: 422,
      code: 'TOTAL_MISMATCH',
    });
  });
});

describe('Idempotency-Key', () => {
  it.each(['', 'x'.repeat(256), 'caf\u00e9', 'tab\there', '"open', '""', '"a"b"', `"${'x'.repeat(256)}"`])('refuses %j', async (key) => {
    const problem = await refused(good, { 'idempotency-key': key });
    expect(problem).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', errors: [{ path: 'header/Idempotency-Key' }] });
  });

  it('does not go together with order_id', async () => {
    expect(await refused({ ...good, order_id: 'mine' }, { 'idempotency-key': 'k' })).toMatchObject({ status: 400, code: 'TWO_KEYS' });
  });

  it.each(['x', ' spaces inside are fine ', '"quoted \\" and \\\\"', 'x'.repeat(255), `"${'y'.repeat(255)}"`, '~!@#$%^&*()'])(
    'takes %j',
    async (key) => {
      expect((await api.post(good, { 'idempotency-key': key })).statusCode).toBe(201);
    },
  );

  it('is the same quoted and bare', async () => {
    const bare = await api.post(good, { 'idempotency-key': 'same' });
    const quoted = await api.post(good, { 'idempotency-key': '"same"' });
    expect(quoted.json()).toEqual(bare.json());
    expect(quoted.headers['idempotent-replayed']).toBe('true');
  });
});
