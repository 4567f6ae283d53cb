// Events of other programs that every schema lets pass, and that say what no role of ours would say.
// They count, are void, or are set aside; none of them ends a role or holds up what comes after it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../support/eventually.ts';
import { batchOf, type RawRecord } from '../../../support/faults/network/raw-batches.ts';
import { FOREIGN_ITEM, FOREIGN_ORDER, foreignCreated, foreignEvent } from './foreign-events.ts';
import { idIn, type ServiceUnderAttack, startServiceUnderAttack } from './service-under-attack.ts';

let service: ServiceUnderAttack;
beforeAll(async () => {
  service = await startServiceUnderAttack();
});
afterAll(() => service?.stop());

/** An order of which an item has a property that no reader knows. */
const nested = (depth: number, innermost = '') =>
  JSON.stringify({ ...FOREIGN_ORDER, items: [{ ...FOREIGN_ITEM, x: 'NEST' }] }).replace(
    '"NEST"',
    `${'['.repeat(depth)}${innermost}${']'.repeat(depth)}`,
  );
const long = `\0${'x'.repeat(100_000)}`;
const smileys = (id: string): string => `${id}\r\nX: y`.padEnd(200, '\u{1F600}');

const ORDERS: readonly [what: string, record: (partition: number) => RawRecord][] = [
  ['an order whose item is nested 6,000 deep, which PostgreSQL gives up', (p) => foreignCreated(idIn(p), nested(6_000))],
  ['an order whose item is nested 400,000 deep', (p) => foreignCreated(idIn(p), nested(400_000))],
  ['the same with an escaped character, which is looked for', (p) => foreignCreated(idIn(p), nested(400_000, '"\\u0041"'))],
  ['an order whose item is nested 400 deep, which counts', (p) => foreignCreated(idIn(p), nested(400))],
  ['an order whose id has 200 characters, line breaks among them', (p) => foreignCreated(smileys(idIn(p)))],
  ['an actor and a correlation id of 100 KB', (p) => foreignCreated(idIn(p), FOREIGN_ORDER, { ce_actor: long, ce_correlationid: long })],
  [
    'a cancellation of nothing with a correlation id of 100 KB',
    (p) => foreignEvent('orders.OrderCancellationRequested', idIn(p), { reason: null, expected_version: null }, { ce_correlationid: long }),
  ],
  ['an order in a partition that is not its key’s', (p) => foreignCreated(idIn(p + 1))],
];

describe('in the topic of orders', () => {
  it.each(ORDERS)('%s', async (_, make) => {
    const partition = ORDERS.findIndex(([, record]) => record === make);
    await service.raw.append(service.where.ordersTopic, partition, batchOf([make(partition)]));
    await service.orderGoesOn(partition);
  });
});

describe('in the topic of products', () => {
  it('a request whose correlation id cannot be repeated is answered without one', async () => {
    const [topic, partition, id] = [service.where.productsTopic, 5, idIn(5)];
    await service.call('POST', '/products', { product_id: id, name: id, price: 1, stock: 5 });
    const request = foreignEvent(
      'products.StockAdjustmentRequested',
      id,
      { delta: 1, stock: null, expected_version: null, command_hash: null },
      { ce_correlationid: long },
    );
    await service.raw.append(topic, partition, batchOf([request]));
    await eventually(async () => (await service.call('GET', `/products/${id}`)).body.stock === 6, { what: 'the request to be answered' });
    await service.productGoesOn(partition);
  });
});

it('leaves the roles as they were started', () => {
  for (const member of service.fleet.members()) expect(member.starts(), `${member.name}\n${member.output()}`).toBe(1);
});
