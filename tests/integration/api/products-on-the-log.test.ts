// Two api instances, a processor and a ledger on one log.
// What one instance has acknowledged about a product holds at once for the other, whoever is first with an id, a key or a change.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deadLetterTopicOf } from '../../../shared/log/dead-letters/dead-letters.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { type ApisOnStack, type Instance, startApisOnStack } from '../../support/stack/service/api-on-stack.ts';
import type { RoleProcess } from '../../support/stack/service/role-process.ts';
import { readAll } from '../log/log-under-test.ts';

let stack: ApisOnStack;
let one: Instance;
let other: Instance;
let processor: RoleProcess;
beforeAll(async () => {
  stack = await startApisOnStack(2);
  [one, other] = stack.instances as [Instance, Instance];
  processor = await stack.startProcessor();
});
afterAll(async () => {
  await processor?.stop();
  await stack?.stop();
  expect(stack?.fatal).toEqual([]);
});

const created = async (product: Record<string, unknown> = {}) => {
  const { status, text, body } = await one.send('POST', '/products', { name: 'Lamp', price: 19.99, stock: 10, ...product });
  expect(status, text).toBe(201);
  return body;
};
const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status).toSorted();

describe('an acknowledged product', () => {
  it('can be read at once on another instance, fifty times out of fifty', async () => {
    const results = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const product = await created();
        return [product, (await other.get(`/products/${product.product_id}`)).body];
      }),
    );
    for (const [product, read] of results) expect(read).toEqual(product);
  });

  it('is priced at once on another instance, and so is its new price', async () => {
    for (let n = 0; n < 20; n += 1) {
      const { product_id } = await created();
      const first = await other.post({ user_id: 1, items: [{ product_id, unit_price: 19.99 }] });
      expect(first.body.order, first.text).toMatchObject({ total_amount: 19.99 });
      expect((await one.send('PUT', `/products/${product_id}`, { price: 25 })).body).toMatchObject({ price: 25, version: 2 });
      const second = await other.post({ user_id: 1, items: [{ product_id, unit_price: 25 }] });
      expect(second.body.order, second.text).toMatchObject({ total_amount: 25 });
    }
  });

  it('is in the list once the ledger has it, on pages that hold each product once', async () => {
    const ids = await Promise.all(Array.from({ length: 7 }, async () => (await created()).product_id as string));
    await eventually(async () => (await readPages(3)).filter((id) => ids.includes(id)).length === ids.length, { what: 'all in the list' });
    const listed = await readPages(3);
    expect(listed).toEqual([...new Set(listed)].toSorted());
    expect((await other.get('/products?limit=500')).body.products.map(({ product_id }: { product_id: string }) => product_id)).toEqual(
      listed,
    );
  });
});

const readPages = async (limit: number): Promise<string[]> => {
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await other.get(`/products?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    ids.push(...body.products.map(({ product_id }: { product_id: string }) => product_id));
    cursor = body.next_cursor;
  }
  return ids;
};

describe('a change', () => {
  it('can be read at once on another instance, and nothing of it is lost when many come together', async () => {
    const { product_id } = await created({ stock: 0 });
    const path = `/products/${product_id}`;
    await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const [mine, theirs] = n % 2 ? [one, other] : [other, one];
        const changed = await mine.send('PUT', `${path}/stock`, { delta: 1 });
        expect(changed.status, changed.text).toBe(200);
        const read = await theirs.get(path);
        expect(read.body.version).toBeGreaterThanOrEqual(changed.body.version);
        expect(read.body.stock).toBe(read.body.version - 1);
      }),
    );
    expect((await one.get(path)).body).toMatchObject({ stock: 40, available: 40, version: 41 });
  });

  it('leaves what it does not name', async () => {
    const product = await created({ description: 'bright' });
    const path = `/products/${product.product_id}`;
    expect((await one.send('PUT', path, { name: 'Desk lamp' })).body).toMatchObject({
      name: 'Desk lamp',
      description: 'bright',
      stock: 10,
    });
    const all = { name: 'L', description: null, price: 1.5, stock: 3 };
    expect((await one.send('PUT', path, all)).body).toMatchObject({ ...all, available: 3, version: 3, created_at: product.created_at });
  });

  it('that would take away what is not there is refused, and changes nothing', async () => {
    const { product_id } = await created();
    const path = `/products/${product_id}`;
    const code = async (path: string, body: unknown) => (await one.send('PUT', path, body)).body.code;
    expect(await code(`${path}/stock`, { delta: -11 })).toBe('STOCK_WOULD_BE_NEGATIVE');
    expect(await code(`${path}/stock`, { delta: 1_000_000_000 })).toBe('STOCK_TOO_LARGE');
    expect(await code(`${uniqueName('/products/none')}`, { price: 1 })).toBe('PRODUCT_NOT_FOUND');
    expect((await other.get(path)).body).toMatchObject({ stock: 10, version: 1 });
  });

  it('with a key is made once, whichever instance it is sent to, and later says so', async () => {
    const { product_id } = await created();
    const path = `/products/${product_id}/stock`;
    const key = { 'idempotency-key': uniqueName('delivery') };
    const together = await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 ? one : other).send('PUT', path, { delta: 5 }, key)));
    expect(new Set(statuses(together))).toEqual(new Set([200]));
    expect((await one.get(`/products/${product_id}`)).body).toMatchObject({ stock: 15, version: 2 });
    const third = await stack.startApi();
    for (const instance of [one, other, third]) {
      const again = await instance.send('PUT', path, { delta: 5 }, key);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(again.body).toMatchObject({ stock: 15, version: 2 });
      expect((await instance.send('PUT', path, { delta: 6 }, key)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    }
    const refused = await one.send('PUT', path, { delta: -99 }, { 'idempotency-key': 'x' });
    const again = await other.send('PUT', path, { delta: -99 }, { 'idempotency-key': 'x' });
    expect([again.body.code, again.body.detail, again.status]).toEqual(['STOCK_WOULD_BE_NEGATIVE', refused.body.detail, 409]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });
});

describe('one product_id', () => {
  it('is given to exactly one of twenty requests to two instances, and all read that one', async () => {
    const product_id = uniqueName('lamp');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        (n % 2 ? one : other).send('POST', '/products', { product_id, name: `${n}`, price: n, stock: n }),
      ),
    );
    expect(statuses(answers)).toEqual([201, ...Array(19).fill(409)]);
    const { body: winner } = answers.find(({ status }) => status === 201)!;
    for (const instance of [one, other]) {
      expect((await instance.get(`/products/${product_id}`)).body).toEqual(winner);
      expect(instance.catalogue.get(product_id)?.priceMinor).toBe(winner.price * 100);
    }
    await eventually(async () => (await readPages(500)).includes(product_id), { what: 'the ledger to have it' });
    expect((await one.get(`/products/${product_id}`)).body).toEqual(winner);
  });
});

describe('an instance that starts later', () => {
  it('has the same catalogue, from the ledger and from the log behind it', async () => {
    await created();
    const third = await stack.startApi();
    const all = await readPages(500);
    expect(all.length).toBeGreaterThan(50);
    expect(all.map((id) => third.catalogue.get(id))).toEqual(all.map((id) => one.catalogue.get(id)));
  });
});

describe('a record on the topic of products that is none', () => {
  it('is set aside with its origin, and what comes behind it goes on', async () => {
    const { product_id } = await created();
    const { partition, offset } = await stack.appendRaw({
      topic: stack.productsTopic,
      key: product_id,
      value: 'not ours',
      headers: { odd: 'x' },
    });
    expect((await one.send('PUT', `/products/${product_id}/stock`, { delta: 1 })).body).toMatchObject({ stock: 11 });
    const letters = await readAll(stack.client, deadLetterTopicOf(stack.topic));
    expect(letters.map(({ key, value }) => [String(key), String(value)])).toEqual([[product_id, 'not ours']]);
    const { dl_topic, dl_partition, dl_offset, odd } = letters[0]!.headers;
    expect([dl_topic, dl_partition, dl_offset, odd].map(String)).toEqual([stack.productsTopic, `${partition}`, `${offset}`, 'x']);
  });
});

// Last: it takes the processor and the ledger away.
describe('without a processor', () => {
  it('products are created, read and priced, and a change is 202 until one has answered it', async () => {
    await processor.stop();
    const { product_id } = await created();
    expect((await other.get(`/products/${product_id}`)).body).toMatchObject({ stock: 10, reserved: 0 });
    expect((await other.post({ user_id: 1, items: [{ product_id }] })).body.order).toMatchObject({ total_amount: 19.99 });
    const impatient = await stack.startApi({ decisionWaitMs: 100 });
    const asked = await impatient.send('PUT', `/products/${product_id}/stock`, { delta: 5 });
    expect(asked.status).toBe(202);
    const state = async () => (await one.get(asked.headers.get('location')!)).body.state;
    expect(await state()).toBe('pending');
    processor = await stack.startProcessor();
    await eventually(async () => (await state()) === 'applied', { what: 'the request to be answered' });
    expect((await one.get(`/products/${product_id}`)).body).toMatchObject({ stock: 15 });
  });

  it('and without the ledger nobody says that there is no such product', async () => {
    const third = await stack.startApi(); // that has seen none of them being created
    const [id] = await readPages(1);
    await processor.stop();
    await stack.database.query(`TRUNCATE ${stack.ledgerSchema}.products`);
    await stack.database.query(`UPDATE ${stack.ledgerSchema}.ledger SET complete = false`);
    for (const path of [`/products/${id}`, '/products']) {
      expect((await third.get(path)).body).toMatchObject({ status: 503, code: 'READ_MODEL_UNAVAILABLE' });
    }
    expect((await third.get('/products/none')).status).toBe(404);
    expect((await third.post({ user_id: 1, items: [{ product_id: id }] })).status).toBe(201);
  });
});
