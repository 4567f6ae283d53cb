// tests/simulation/invariants/ledger-at-rest.ts: the stock ledger once everything has come to rest.
// It is what the log makes of it, plainly computed again, and nothing in it waits for anything.

import { createRefold } from '../../../processor/ledger/rebuild/refold.ts';
import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { productDecoderFor } from '../../../shared/log/codec/product-codec.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import { ORDERS, PARTITIONS, PRODUCTS, type World } from '../world.ts';

export const checkLedger = (world: World): void => {
  const { sim, ledger, productTruth } = world;
  if (!ledger.complete) sim.violate('the ledger is not complete in the end');
  if (ledger.wentBack) sim.violate('the ledger has lost commits, and was not made again');
  const refold = refoldOf(world);
  for (const [id, expected] of refold.products()) {
    const row = ledger.products.get(id);
    if (row === undefined) sim.violate(`the ledger does not have the product ${id}`);
    else if (row.reserved !== expected.reserved || row.sold !== expected.sold)
      sim.violate(`${id}: ${row.reserved} reserved and ${row.sold} sold, by the log ${expected.reserved} and ${expected.sold}`);
  }
  for (const [id, { reservation, order }] of refold.orders()) {
    const row = ledger.reservations.get(id);
    if (!isTerminal(order.status)) continue;
    if (row?.state !== 'closed') sim.violate(`${id} is ${order.status}, its reservation ${row?.state}`);
    else if (JSON.stringify(row.lines) !== JSON.stringify(reservation?.lines)) sim.violate(`${id} took ${JSON.stringify(row.lines)}`);
  }
  for (const [id, product] of productTruth.products) {
    const row = ledger.products.get(id);
    if (JSON.stringify(row?.product) !== JSON.stringify(product))
      sim.violate(`${id} is ${JSON.stringify(row?.product)}, by the log ${JSON.stringify(product)}`);
    if (row?.read?.version !== product.version || row.unreadIn !== 0)
      sim.violate(`${id} was read to version ${row?.read?.version} of ${product.version}, ${row?.unreadIn} units are not read`);
  }
  for (const [id, { delivered }] of ledger.requests) if (!delivered) sim.violate(`the answer to ${id} is not delivered`);
  for (const [id, answers] of productTruth.answers)
    if (answers.size !== 1) sim.violate(`the request ${id} about a product has ${answers.size} answers`);
};

export const refoldOf = ({ log }: World, ends?: ReadonlyMap<string, ReadonlyMap<number, { high: number }>>) => {
  const refold = createRefold();
  const [decodeProduct, decodeOrder] = [productDecoderFor(PARTITIONS), orderDecoderFor(PARTITIONS)];
  const readable = (topic: string) =>
    log
      .partitions(topic)
      .flatMap(({ partition, records, highWatermark }) => records.slice(0, ends?.get(topic)?.get(partition)?.high ?? highWatermark));
  for (const record of readable(PRODUCTS)) {
    const decoded = decodeProduct(record);
    if (decoded.ok) refold.takeProductEvent(record.partition, record.offset, decoded.event);
  }
  for (const record of readable(ORDERS)) {
    const decoded = decodeOrder(record);
    if (decoded.ok) refold.takeOrderEvent(record.partition, record.offset, decoded.event);
  }
  return refold;
};
