// Whatever the api acknowledges, every reader decodes to the same values: rows, archive, exports, ledger, and the api itself.
// Goal: no text and no number is accepted that is later lost or changed. Method: bodies of random texts, most of them strange; each is
// refused as invalid, or read back everywhere as it was sent.

import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type Service, startService } from '../../support/stack/service/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService({ PROCESSING_TIME_MS: '500' });
});
afterAll(() => service.stop());

const SEED = 20_261_129;
const BODIES = 80;
/** Any sequence of UTF-16 code units, control characters and half surrogate pairs among them. */
const units = (maxLength: number) =>
  fc
    .array(
      fc.oneof(fc.integer({ min: 0, max: 0xff_ff }), fc.constantFrom(0, 9, 10, 13, 34, 39, 44, 61, 0x20_28, 0xd8_3d, 0xde_00, 0xff_fe)),
      { maxLength },
    )
    .map((codes) => String.fromCharCode(...codes));
const texts = (maxLength: number) =>
  fc.oneof(
    units(maxLength),
    fc.string({ unit: 'grapheme', maxLength }),
    fc.constantFrom('=1+1', '+', '\u{1f642}', ' ', '\r\n', 'a\0b', 'cut \ud83d', '\ude42'),
  );
const ids = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/).filter((id) => id !== '.' && id !== '..'),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  texts(10),
);
const cents = fc.integer({ min: 0, max: 999_999_999_999 }).map((minor) => minor / 100);

const order = fc.record({
  user_id: ids,
  items: fc.uniqueArray(fc.record({ product_id: ids, quantity: fc.integer({ min: 1, max: 10_000 }) }), {
    minLength: 1,
    maxLength: 5,
    selector: ({ product_id }) => String(product_id),
  }),
  total_amount: cents,
});
const product = fc.record({
  name: texts(200),
  description: fc.option(texts(400)),
  price: cents,
  stock: fc.integer({ min: 0, max: 1_000_000_000 }),
});
const sample = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, { numRuns: BODIES, seed: SEED });

type Body = Record<string, unknown>;
const send = async (method: string, path: string, body: unknown): Promise<{ status: number; body: Body }> => {
  const answer = await fetch(`${service.roles.api.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Body };
};
const text = async (path: string): Promise<string> => (await fetch(`${service.roles.api.url}${path}`)).text();
/** Nothing was set aside by any reader. */
const deadLetters = async (): Promise<number[]> =>
  Promise.all(
    [service.roles.projector, service.roles.processor].map(async ({ url }) => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      return [...metrics.matchAll(/^dead_letters_total\{[^}]*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
    }),
  );
const refusedAsInvalid = ({ status, body }: { status: number; body: Body }): boolean => status === 400 && body.code === 'VALIDATION_FAILED';

describe('an order that is acknowledged', () => {
  it('is read back as it was sent, from the api, the rows, the archive and both exports, with the reason of its cancellation', async () => {
    const sent = new Map<string, { body: (typeof orders)[number]; reason: string | null }>();
    const orders = sample(order);
    const reasons = sample(texts(200));
    for (const [n, body] of orders.entries()) {
      const answer = await send('POST', '/orders', body);
      if (answer.status !== 201) {
        expect([refusedAsInvalid(answer), JSON.stringify(body)]).toEqual([true, JSON.stringify(body)]);
        continue;
      }
      const id = answer.body.order_id as string;
      const reason = reasons[n]!;
      const cancelled = await send('POST', `/orders/${id}/cancel`, { reason });
      expect([refusedAsInvalid(cancelled), JSON.stringify(reason)]).toEqual([
        !reason.isWellFormed() || reason.includes('\0'),
        JSON.stringify(reason),
      ]);
      sent.set(id, { body, reason: cancelled.status === 200 ? reason : null });
    }
    expect(sent.size).toBeGreaterThan(10);
    expect(reasons.filter((each) => !each.isWellFormed() || each.includes('\0')).length).toBeGreaterThan(10);
    expect([...sent.values()].filter(({ reason }) => reason !== null).length).toBeGreaterThan(5);

    const listed = async () =>
      ((await send('GET', '/orders?limit=500', undefined)).body.orders as Body[]).filter(
        ({ status }) => status === 'completed' || status === 'cancelled',
      );
    await eventually(async () => (await listed()).length === sent.size, { what: 'the rows of all orders, closed' });
    const rows = new Map((await listed()).map((row) => [row.order_id, row]));
    const exported = new Map(
      (await text('/orders/export'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Body)
        .map((row) => [row.order_id, row]),
    );
    const cells = parse(await text('/orders/export?format=csv'), { columns: true }) as Record<string, string>[];
    for (const [id, { body, reason }] of sent) {
      const items = body.items.map(({ product_id, quantity }) => ({ product_id: String(product_id), quantity, unit_price: null }));
      const expected = { order_id: id, user_id: String(body.user_id), total_amount: body.total_amount, items, reason };
      for (const read of [(await send('GET', `/orders/${id}`, undefined)).body, rows.get(id), exported.get(id)])
        expect(read).toMatchObject(expected);
      const cell = cells.find(({ order_id }) => order_id === id)!;
      expect([cell.user_id, Number(cell.total_amount)]).toEqual([String(body.user_id), body.total_amount]);
      expect(cell.reason!.replace(/^'(?=[=+\-@\t\r\n])/, '')).toBe(reason ?? '');
      const { events } = (await send('GET', `/orders/${id}/events`, undefined)).body as { events: { type: string; data: Body }[] };
      expect(events[0]).toMatchObject({ data: { user_id: String(body.user_id), total_minor: Math.round(body.total_amount * 100) } });
      if (reason !== null) expect(events.find(({ type }) => type === 'orders.OrderCancelled.v1')?.data.reason).toBe(reason);
    }
    expect(await deadLetters()).toEqual([0, 0]);
  });
});

describe('a product that is acknowledged', () => {
  it('is read back as it was sent, and as it was changed, from the catalogue and from the ledger', async () => {
    const products = sample(product);
    const changes = sample(product).toReversed();
    let accepted = 0;
    for (const [n, body] of products.entries()) {
      const answer = await send('POST', '/products', body);
      const isValid = body.name !== '' && [body.name, body.description ?? ''].every((each) => each.isWellFormed() && !each.includes('\0'));
      expect([answer.status, JSON.stringify(body)]).toEqual([isValid ? 201 : 400, JSON.stringify(body)]);
      if (!isValid) continue;
      accepted += 1;
      const id = answer.body.product_id as string;
      expect((await send('GET', `/products/${id}`, undefined)).body).toMatchObject({ ...body });
      const { name, description, price } = changes[n]!;
      const changed = await send('PUT', `/products/${id}`, { name, description, price });
      if (refusedAsInvalid(changed)) continue;
      expect(changed).toMatchObject({ status: 200, body: { name, description, price, stock: body.stock } });
      expect((await send('GET', `/products/${id}`, undefined)).body).toEqual(changed.body);
    }
    expect(accepted).toBeGreaterThan(10);
    expect(await deadLetters()).toEqual([0, 0]);
  });
});
