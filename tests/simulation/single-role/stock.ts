// tests/simulation/single-role/stock.ts: orders that compete for few units, while processors crash, live on as zombies, and the ledger is
// rebuilt. What the log promises is added up record by record, and the ledger has to end as the log says.

import { encodeOrderEvent } from '../../../shared/log/order-codec.ts';
import type { ItemData } from '../../../shared/order/events.ts';
import type { FoldedOrder } from '../../oracle/fold.ts';
import { foldOrders } from '../../oracle/fold.ts';
import { created, event, T0 } from '../../support/builders/order-events.ts';
import { END_MS, processorWorld, TOPIC } from './processor-world.ts';
import type { Simulation } from './simulation.ts';
import { differences, foldOf, raw, unfinished, wrongVersions } from './verdicts.ts';

const LATE = 'late';
const STOCK = [
  { productId: 'scarce', units: 5, afterMs: 0 },
  { productId: 'rare', units: 3, afterMs: 0 },
  // Submitted orders name it long before the ledger hears of it; there is enough for all of them.
  { productId: LATE, units: 1_000, afterMs: 12_000 },
];
const ORDERS = 16;

const item = (product_id: string, quantity: number, stocked = true): ItemData => ({
  product_id,
  quantity,
  unit_price_minor: null,
  stocked,
});

const itemsOf = (sim: Simulation): ItemData[] => {
  if (sim.chance(0.15)) return [item(LATE, 2)];
  const items = [item('scarce', sim.between(1, 2))];
  if (sim.chance(0.5)) items.push(item('rare', 1));
  if (sim.chance(0.3)) items.push(item('untracked', 1, false));
  return items;
};

const requestOf = (sim: Simulation, id: string) => {
  const time = sim.clock.now();
  if (sim.chance(0.4)) return event('OrderCancellationRequested', id, { time });
  if (sim.chance(0.5)) {
    const items = sim.chance(0.8) ? itemsOf(sim) : [item('untracked', 1, false)];
    return event('OrderAmendmentRequested', id, { time, data: { items } });
  }
  return event('OrderStatusChangeRequested', id, { time, data: { status: sim.chance(0.7) ? 'processing' : 'completed' } });
};

const submitOrders = (sim: Simulation): string[] =>
  Array.from({ length: ORDERS }, (_, i) => {
    const id = `o-${i}`;
    const at = sim.between(0, 3) * 4000 + sim.between(0, 40);
    const items = itemsOf(sim);
    sim.clock.after(at, () => {
      const id_origin = (['server', 'key'] as const)[i % 2]!;
      const record = encodeOrderEvent(created(id, { id_origin, items }, { time: sim.clock.now() }), TOPIC);
      sim.land(record);
      if (sim.chance(0.4)) sim.clock.after(sim.between(1, sim.chance(0.5) ? 500 : 25_000), () => sim.land(record)); // its late twin
    });
    for (let r = sim.between(0, 3); r > 0; r -= 1) {
      const later = at + sim.between(5, sim.chance(0.7) ? 2000 : 28_000);
      sim.clock.after(later, () => sim.land(encodeOrderEvent(requestOf(sim, id), TOPIC)));
    }
    return id;
  });

/** Facts of versions that no order has: they are void, and move nothing. */
const disturb = (sim: Simulation, ids: readonly string[]): void => {
  for (let n = 0; n < 4; n += 1) {
    const id = ids[sim.between(0, ids.length - 1)]!;
    const reserved = [{ product_id: 'scarce', quantity: 1 }];
    const fact = event('OrderProcessing', id, { version: 9, time: T0, data: { reserved } });
    sim.clock.after(sim.between(0, 28_000), () => sim.land(encodeOrderEvent(fact, TOPIC)));
  }
};

type Lines = FoldedOrder['reserved'];

/** The most units that the log ever promised, by product: an order has what its OrderProcessing lists until it is cancelled. */
const mostPromised = (sim: Simulation): Map<string, number> => {
  const [now, most] = [new Map<string, number>(), new Map<string, number>()];
  const add = (lines: Lines, sign: 1 | -1): void => {
    for (const { product_id: id, quantity } of lines) {
      now.set(id, (now.get(id) ?? 0) + sign * quantity);
      most.set(id, Math.max(most.get(id) ?? 0, now.get(id)!));
    }
  };
  const held = new Map<string, Lines>();
  const records = sim.log.flat();
  const { verdicts } = foldOrders(records.map(raw));
  const inTime = verdicts
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

const findings = ({ sim, tables, violations, openOrders }: ReturnType<typeof processorWorld>, ids: readonly string[]): string[] => {
  const { records, folded } = foldOf(sim.log);
  const found = [...violations, ...differences(records, folded), ...wrongVersions(folded), ...unfinished(folded, ids)];
  if (openOrders() > 0) found.push(`the processor takes ${openOrders()} orders for open that the log has ended`);
  const promised = mostPromised(sim);
  for (const { productId, units } of STOCK) {
    const most = promised.get(productId) ?? 0;
    if (most > units) found.push(`${most} of ${units} ${productId} were promised`);
    const { reserved, sold } = tables.products.get(productId)!;
    const expected = sumOf(folded.orders.values(), productId);
    if (reserved !== 0 || sold !== expected)
      found.push(`${productId}: ${reserved} reserved and ${sold} sold, by the log 0 and ${expected}`);
  }
  for (const [id, { status, items, history, reserved }] of folded.orders) {
    const row = tables.reservations.get(id);
    const everStocked = items.some(({ stocked }) => stocked) || reserved.length > 0;
    if (everStocked && row?.state !== 'closed') found.push(`${id} is ${status}, its reservation ${row?.state}`);
    const took = status === 'completed' ? reserved : [];
    if (row && JSON.stringify(row.lines) !== JSON.stringify(took))
      found.push(`${id} took ${JSON.stringify(row.lines)}, by the log ${JSON.stringify(took)}`);
    const startedWith = history.length > 1 && reserved.length > 0 ? reserved : null;
    if (startedWith && startedWith.length !== items.filter(({ stocked }) => stocked).length)
      found.push(`${id} holds what it does not need`);
    if (status === 'rejected' && items.every(({ product_id: product }) => product === LATE))
      found.push(`${id} was rejected for stock that came late`);
  }
  return found;
};

const run = async (seed: number, options: { zombies?: boolean; rebuilds?: boolean }): Promise<string[]> => {
  const world = processorWorld(seed, { ...options, stock: STOCK });
  const ids = submitOrders(world.sim);
  disturb(world.sim, ids);
  await world.sim.run(T0 + END_MS);
  return findings(world, ids);
};
export const stock = (seed: number): Promise<string[]> => run(seed, { zombies: seed % 4 === 0 });
export const stockRebuilt = (seed: number): Promise<string[]> => run(seed, { rebuilds: true, zombies: seed % 4 === 0 });
