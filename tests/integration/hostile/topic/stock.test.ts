// Facts about stock that another program writes, which version and lifecycle let pass: the log says so, so they are written down (R18).
// None of them ends a processor or holds up what comes after it, and read model, ledger, rebuild and oracle agree about all of them.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../../../support/eventually.ts';
import { batchOf } from '../../../support/faults/network/raw-batches.ts';
import { FOREIGN_ITEM, FOREIGN_ORDER, foreignCreated, foreignEvent } from './foreign-events.ts';
import { idIn, type ServiceUnderAttack, startServiceUnderAttack } from './service-under-attack.ts';

let service: ServiceUnderAttack;
beforeAll(async () => {
  service = await startServiceUnderAttack();
});
afterAll(() => service?.stop());

const version = (of: number, causation?: string) => ({
  ce_orderversion: String(of),
  ...(causation === undefined ? {} : { ce_causationid: causation }),
});
const reserving = (orderId: string, lines: readonly (readonly [productId: string, quantity: number])[]) =>
  foreignEvent(
    'orders.OrderProcessing',
    orderId,
    {
      user_id: FOREIGN_ORDER.user_id,
      previous_status: 'pending',
      reserved: lines.map(([product_id, quantity]) => ({ product_id, quantity })),
    },
    version(2),
  );
const adjusted = (id: string, delta: number, of: number, causation?: string) =>
  foreignEvent('products.StockAdjusted', id, { delta }, version(of, causation));
const adjustment = (id: string, delta: number) =>
  foreignEvent('products.StockAdjustmentRequested', id, { delta, stock: null, expected_version: null, command_hash: null });
const idOf = (record: ReturnType<typeof adjustment>): string => String(record.headers.find(([name]) => name === 'ce_id')![1]);

const product = async (partition: number, stock: number): Promise<string> => {
  const id = idIn(partition);
  expect(await service.call('POST', '/products', { product_id: id, name: id, price: 1, stock })).toMatchObject({ status: 201 });
  return id;
};
const untilProductIs = async (id: string, expected: object): Promise<void> => {
  const isSo = async () => {
    const { body } = await service.call('GET', `/products/${id}`);
    return Object.entries(expected).every(([field, value]) => body[field] === value);
  };
  await eventually(isSo, { what: `the product to be ${JSON.stringify(expected)}` });
};
const append = (topic: 'ordersTopic' | 'productsTopic', partition: number, ...records: ReturnType<typeof adjustment>[]) =>
  service.raw.append(service.where[topic], partition, batchOf(records));

it('units of a product that does not exist: they are its own once it does', async () => {
  const [orderId, ghost] = [idIn(0), idIn(0)];
  await append('ordersTopic', 0, foreignCreated(orderId), reserving(orderId, [[ghost, 7]]));
  await service.orderGoesOn(0);
  await eventually(async () => (await service.call('GET', `/orders/${orderId}`)).body.status === 'completed', {
    what: 'the order to complete',
  });
  expect(await service.call('GET', `/products/${ghost}`)).toMatchObject({ status: 404 });
  await service.call('POST', '/products', { product_id: ghost, name: 'later', price: 1, stock: 5 });
  await untilProductIs(ghost, { stock: 0, sold: 7, reserved: 0, available: 0, oversold: 2 });
  expect((await service.call('PUT', `/products/${ghost}/stock`, { delta: 3 })).body).toMatchObject({ stock: 1, oversold: 0, available: 1 });
});

it('more units than there are: nobody is promised any more, until they are put in', async () => {
  const [orderId, id] = [idIn(1), await product(1, 5)];
  await append('ordersTopic', 1, foreignCreated(orderId), reserving(orderId, [[id, 8]]));
  await service.orderGoesOn(1);
  await untilProductIs(id, { stock: 0, sold: 8, available: 0, oversold: 3 });
  const refused = await service.call('POST', '/orders', { user_id: 'u', items: [{ product_id: id, quantity: 1 }] });
  await eventually(async () => (await service.call('GET', `/orders/${refused.body.order_id}`)).body.status === 'rejected', {
    what: 'the order to be rejected',
  });
});

it('other units than the processor had reserved for that very version', async () => {
  const [orderId, id, other] = [idIn(2), await product(2, 5), await product(2, 5)];
  const order = { ...FOREIGN_ORDER, items: [{ ...FOREIGN_ITEM, product_id: id, quantity: 2, stocked: true }] };
  await append('ordersTopic', 2, foreignCreated(orderId, order), reserving(orderId, [[other, 3]]));
  await service.orderGoesOn(2);
  await untilProductIs(other, { stock: 2, sold: 3 });
  await untilProductIs(id, { stock: 5, reserved: 0, sold: 0 });
});

it('more taken out than there is', async () => {
  const id = await product(3, 5);
  await append('productsTopic', 3, adjusted(id, -9, 2));
  await service.productGoesOn(3);
  await untilProductIs(id, { version: 2, stock: 0, available: 0, oversold: 4 });
  expect((await service.call('PUT', `/products/${id}/stock`, { delta: -1 })).status).toBe(409);
  expect((await service.call('PUT', `/products/${id}/stock`, { stock: 6 })).body).toMatchObject({ stock: 6, oversold: 0, version: 3 });
});

it('a fact in the place of one that was just decided: what was decided comes after it', async () => {
  const id = await product(4, 5);
  await append('productsTopic', 4, adjustment(id, 10), adjusted(id, 100, 2));
  await service.productGoesOn(4);
  await untilProductIs(id, { version: 3, stock: 115, available: 115 });
});

it('an answer to a request that the processor has just answered, too: the first one counts', async () => {
  const id = await product(5, 5);
  const asked = adjustment(id, 10);
  await append('productsTopic', 5, asked, adjusted(id, 1, 2, idOf(asked)), adjusted(id, 1, 3, idOf(asked)));
  await service.productGoesOn(5);
  await untilProductIs(id, { version: 3, stock: 7, available: 7 });
});

it('an answer to a request that comes later', async () => {
  const id = await product(6, 5);
  const asked = adjustment(id, 10);
  await append('productsTopic', 6, adjusted(id, 1, 2, idOf(asked)), asked);
  await service.productGoesOn(6);
  await untilProductIs(id, { version: 2, stock: 6, available: 6 });
});

it('leaves every role running, and read model, ledger, rebuild and oracle agree', () => service.everybodyAgrees());
