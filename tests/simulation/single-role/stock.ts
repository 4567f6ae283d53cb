// tests/simulation/single-role/stock.ts: orders that compete for few units, while processors crash, live on after they were replaced, and
// the ledger is rebuilt. What the log promises is added up record by record, and the ledger has to end as the log says.

import type { ItemData, OrderEvent } from '../../../shared/order/events.ts';
import type { FoldedOrder } from '../../oracle/fold.ts';
import { productCreated } from '../../support/builders/product-events.ts';
import { creationNow, eventNow, landOrder, landProduct } from '../clients/records.ts';
import { type Read, readOrders } from '../invariants/oracle.ts';
import { runSystem, type SystemOptions } from '../system.ts';
import type { World } from '../world.ts';
import { FAULTS_MS, type Look, TROUBLED } from './orders.ts';

const LATE = 'late';
const STOCK = [
  { productId: 'scarce', units: 5, afterMs: 0 },
  { productId: 'rare', units: 3, afterMs: 0 },
  // Submitted orders name it long before the ledger hears of it; there is enough for all of them.
  { productId: LATE, units: 1_000, afterMs: 12_000 },
];
const SUBMITTED = 20;

const item = (product_id: string, quantity: number, stocked = true): ItemData => ({
  product_id,
  quantity,
  unit_price_minor: null,
  stocked,
});
const UNTRACKED = item('untracked', 1, false);

const itemsOf = ({ sim }: World): ItemData[] => {
  if (sim.chance(0.15)) return [item(LATE, 2)];
  const items = [item('scarce', sim.between(1, 2))];
  if (sim.chance(0.5)) items.push(item('rare', 1));
  if (sim.chance(0.3)) items.push(UNTRACKED);
  return items;
};

const requestNow = (world: World, id: string): OrderEvent => {
  const { sim } = world;
  if (sim.chance(0.4)) return eventNow(world, 'OrderCancellationRequested', id);
  if (sim.chance(0.5))
    return eventNow(world, 'OrderAmendmentRequested', id, { data: { items: sim.chance(0.8) ? itemsOf(world) : [UNTRACKED] } });
  return eventNow(world, 'OrderStatusChangeRequested', id, { data: { status: sim.chance(0.7) ? 'processing' : 'completed' } });
};

const submitOrders = (world: World): string[] => {
  const { sim } = world;
  return Array.from({ length: SUBMITTED }, (_, i) => {
    const id = `o-${i}`;
    const at = sim.between(0, 5) * 4_000 + sim.between(0, 40);
    const items = itemsOf(world);
    sim.after(at, () => {
      const creation = creationNow(world, id, { id_origin: (['server', 'key'] as const)[i % 2]!, items });
      landOrder(world, creation);
      if (sim.chance(0.4)) sim.after(sim.between(1, sim.chance(0.5) ? 500 : 25_000), () => landOrder(world, creation)); // its late copy
    });
    for (let r = sim.between(0, 3); r > 0; r -= 1) {
      const asked = at + sim.between(5, sim.chance(0.7) ? 2_000 : 28_000);
      sim.after(asked, () => landOrder(world, requestNow(world, id)));
    }
    return id;
  });
};

/** Facts of versions that no order has: they are void, and move nothing. */
const disturb = (world: World, ids: readonly string[]): void => {
  const { sim } = world;
  for (let n = 0; n < 4; n += 1) {
    const id = sim.pick(ids);
    const data = { reserved: [{ product_id: 'scarce', quantity: 1 }] };
    sim.after(sim.between(0, FAULTS_MS), () => landOrder(world, eventNow(world, 'OrderProcessing', id, { version: 9, data })));
  }
};

type Lines = FoldedOrder['reserved'];

/** The most units that the log ever promised, by product: an order has what its OrderProcessing lists until it is cancelled. */
const mostPromised = ({ records, folded }: Read): Map<string, number> => {
  const [now, most] = [new Map<string, number>(), new Map<string, number>()];
  const add = (lines: Lines, sign: 1 | -1): void => {
    for (const { product_id: id, quantity } of lines) {
      now.set(id, (now.get(id) ?? 0) + sign * quantity);
      most.set(id, Math.max(most.get(id) ?? 0, now.get(id)!));
    }
  };
  const held = new Map<string, Lines>();
  const inTime = folded.verdicts
    .map(({ event: each, effect }, index) => ({ each, effect, at: records[index]!.timestamp }))
    .filter(({ effect }) => effect === 'applied')
    // Within a millisecond what gives back comes first, because the order across partitions is not known.
    .sort((one, other) => one.at - other.at || Number(other.each!.name === 'OrderCancelled') - Number(one.each!.name === 'OrderCancelled'));
  for (const { each } of inTime) {
    const { name, orderId, data } = each!;
    if (name === 'OrderProcessing') held.set(orderId, data.reserved);
    if (name === 'OrderProcessing') add(data.reserved, 1);
    if (name === 'OrderCancelled') add(held.get(orderId) ?? [], -1);
  }
  return most;
};

const sumOf = (orders: Iterable<FoldedOrder>, productId: string): number => {
  const lines = [...orders].filter(({ status }) => status === 'completed').flatMap(({ reserved }) => reserved);
  return lines.filter(({ product_id: id }) => id === productId).reduce((sum, { quantity }) => sum + quantity, 0);
};

const checkStock = (world: World, ids: readonly string[]): void => {
  const { sim, ledger } = world;
  const read = readOrders(world);
  const { orders } = read.folded;
  const promised = mostPromised(read);
  for (const { productId, units } of STOCK) {
    const most = promised.get(productId) ?? 0;
    if (most > units) sim.violate(`${most} of ${units} ${productId} were promised`);
    const { reserved = NaN, sold = NaN } = ledger.products.get(productId) ?? {};
    const expected = sumOf(orders.values(), productId);
    if (reserved !== 0 || sold !== expected)
      sim.violate(`${productId}: ${reserved} reserved and ${sold} sold, by the log 0 and ${expected}`);
  }
  for (const id of ids) {
    const order = orders.get(id);
    if (order === undefined) sim.violate(`${id} is lost`);
    else checkReservation(world, id, order);
  }
};

const checkReservation = ({ sim, ledger }: World, id: string, { status, items, history, reserved }: FoldedOrder): void => {
  const row = ledger.reservations.get(id);
  const everStocked = items.some(({ stocked }) => stocked) || reserved.length > 0;
  if (everStocked && row?.state !== 'closed') sim.violate(`${id} is ${status}, its reservation ${row?.state}`);
  const took = status === 'completed' ? reserved : [];
  if (row && JSON.stringify(row.lines) !== JSON.stringify(took))
    sim.violate(`${id} took ${JSON.stringify(row.lines)}, by the log ${JSON.stringify(took)}`);
  const startedWith = history.length > 1 && reserved.length > 0 ? reserved : null;
  if (startedWith && startedWith.length !== items.filter(({ stocked }) => stocked).length) sim.violate(`${id} holds what it does not need`);
  if (status === 'rejected' && items.every(({ product_id: product }) => product === LATE))
    sim.violate(`${id} was rejected for stock that came late`);
};

const competing =
  (optionsOf: (seed: number) => Partial<SystemOptions>) =>
  (seed: number, onTrace?: (line: string) => void, look: Look = () => {}): Promise<string[]> => {
    const clients = ({ world, checkAtRest }: Parameters<SystemOptions['clients']>[0]): void => {
      const { sim } = world;
      for (const { productId, units, afterMs } of STOCK)
        sim.after(afterMs, () => landProduct(world, { ...productCreated(productId, units), id: sim.newId(), time: sim.wallClock() }));
      const ids = submitOrders(world);
      disturb(world, ids);
      checkAtRest(() => {
        checkStock(world, ids);
        look(world);
      });
    };
    // Every third world carries what is open for more than a second past the start offset (R12).
    const carryAfterMs = seed % 3 === 0 ? 1_000 : Infinity;
    return runSystem(seed, { ...TROUBLED, withProducts: true, carryAfterMs, ...optionsOf(seed), clients }, onTrace);
  };

/** In half of the worlds there is one processor at a time, in the others owners live on after they were replaced. */
export const stock = competing((seed) => ({ roles: { apis: 0, processors: seed % 2 === 0 ? 1 : 3, projectors: 1 } }));
/** The ledger is rebuilt meanwhile (R8). */
export const stockRebuilt = competing(() => ({ faults: { everyMs: 1_500, rebuilds: true } }));
/** And what Kafka has noted for the processors lies beyond the end, as after a lost end: no owner may start there (R6, R18). */
export const stockLostEnd = competing(() => ({ faults: { everyMs: 1_500, rebuilds: true, lostEnds: true } }));
