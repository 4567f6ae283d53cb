// Goal: whatever happens to appends, processes and transactions, no unit is sold twice or kept back for ever, and the ledger ends as the log
// says. Method: the real processor on a simulated log and ledger, with crashes, zombies and rebuilds under way; few units, so that most
// orders compete. What the log promises is added up at every record that lands.

import { describe, expect, it } from 'vitest';
import { decodeOrderEvent, encodeOrderEvent } from '../../../shared/log/order-codec.ts';
import type { ItemData } from '../../../shared/order/events.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import { evolve, type Order } from '../../../shared/order/order.ts';
import type { StockLine } from '../../../shared/order/stock.ts';
import { checkAtRest, END_MS, foldOf, processorWorld, TOPIC } from '../../simulation/single-role/processor-world.ts';
import type { Simulation } from '../../simulation/single-role/simulation.ts';
import { created, event, T0 } from '../../support/builders/order-events.ts';

const LATE = 'late';
const STOCK = [
  { productId: 'scarce', units: 5, afterMs: 0 },
  { productId: 'rare', units: 3, afterMs: 0 },
  // Submitted orders name it long before the ledger hears of it; there is enough for all of them.
  { productId: LATE, units: 1_000, afterMs: 12_000 },
];
const ORDERS = 24;

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

const submitOrders = (sim: Simulation): string[] =>
  Array.from({ length: ORDERS }, (_, i) => {
    const id = `o-${i}`;
    const at = sim.between(0, 5) * 4000 + sim.between(0, 40);
    const items = itemsOf(sim);
    const origin = (['server', 'key'] as const)[i % 2]!;
    sim.clock.after(at, () => {
      const record = encodeOrderEvent(created(id, { id_origin: origin, items }, { time: sim.clock.now() }), TOPIC);
      sim.land(record);
      if (sim.chance(0.4)) sim.clock.after(sim.between(1, sim.chance(0.5) ? 500 : 25_000), () => sim.land(record)); // its late twin
    });
    for (let r = sim.between(0, 3); r > 0; r -= 1) {
      const request = (): Parameters<typeof encodeOrderEvent>[0] => {
        const time = sim.clock.now();
        if (sim.chance(0.4)) return event('OrderCancellationRequested', id, { time });
        if (sim.chance(0.5))
          return event('OrderAmendmentRequested', id, {
            time,
            data: { items: sim.chance(0.8) ? itemsOf(sim) : [item('untracked', 1, false)] },
          });
        return event('OrderStatusChangeRequested', id, { time, data: { status: sim.chance(0.7) ? 'processing' : 'completed' } });
      };
      sim.clock.after(at + sim.between(5, sim.chance(0.7) ? 2000 : 28_000), () => sim.land(encodeOrderEvent(request(), TOPIC)));
    }
    return id;
  });

/** Units that the log says orders have or had, at its worst moment, by product. */
const worstUse = (sim: Simulation): Map<string, number> => {
  const [orders, held, worst] = [new Map<string, Order>(), new Map<string, StockLine[]>(), new Map<string, number>()];
  const used = new Map<string, number>();
  const add = (lines: readonly StockLine[], sign: 1 | -1): void => {
    for (const { product_id: id, quantity } of lines) {
      used.set(id, (used.get(id) ?? 0) + sign * quantity);
      worst.set(id, Math.max(worst.get(id) ?? 0, used.get(id)!));
    }
  };
  // In the order of time; within a millisecond what gives back comes first, because the order across partitions is not known.
  const gives = (name: string): number => (name === 'OrderCancelled' || name === 'OrderRejected' ? 0 : 1);
  const events = sim.log
    .flat()
    .flatMap((record) => {
      const decoded = decodeOrderEvent(record);
      return decoded.ok ? [{ ...record, event: decoded.event }] : [];
    })
    .sort((one, other) => one.timestamp - other.timestamp || gives(one.event.name) - gives(other.event.name) || one.offset - other.offset);
  for (const { event: each } of events) {
    const { order, effect } = evolve(orders.get(each.orderId) ?? null, each);
    if (order) orders.set(each.orderId, order);
    if (effect !== 'applied') continue;
    if (each.name === 'OrderProcessing') {
      held.set(each.orderId, each.data.reserved);
      add(each.data.reserved, 1);
    }
    if (each.name === 'OrderCancelled') add(held.get(each.orderId) ?? [], -1);
  }
  return worst;
};

const check = (world: ReturnType<typeof processorWorld>, ids: readonly string[]): string[] => {
  const { sim, tables, refolded } = world;
  const found = [...world.violations, ...checkAtRest(sim, [...ids])];
  for (const { productId, units } of STOCK) {
    const use = worstUse(sim).get(productId) ?? 0;
    if (use > units) found.push(`${use} of ${units} ${productId} were promised`);
  }
  const refold = refolded();
  for (const [id, expected] of refold.products()) {
    const { reserved, sold } = tables.products.get(id)!;
    if (reserved !== expected.reserved || sold !== expected.sold) {
      found.push(`${id}: ${reserved} reserved and ${sold} sold, by the log ${expected.reserved} and ${expected.sold}`);
    }
  }
  for (const [id, { reservation, order }] of refold.orders()) {
    const row = tables.reservations.get(id);
    if (row?.state !== 'closed' || !isTerminal(order.status)) found.push(`${id} is ${order.status}, its reservation ${row?.state}`);
    else if (JSON.stringify(row.lines) !== JSON.stringify(reservation?.lines)) found.push(`${id} took ${JSON.stringify(row.lines)}`);
  }
  for (const id of ids) {
    const { order } = foldOf(sim, id);
    if (order?.status === 'rejected' && order.items.every(({ product_id: product }) => product === LATE))
      found.push(`${id} was rejected for a product that came late`);
  }
  return found;
};

const run = async (seed: number, options: { zombies?: boolean; rebuilds?: boolean }) => {
  // Every third world carries what is open for more than a second past the start offset (R12).
  const world = processorWorld(seed, { ...options, stock: STOCK, carryAfterMs: seed % 3 === 0 ? 1_000 : Infinity });
  const ids = submitOrders(world.sim);
  await world.sim.run(T0 + END_MS);
  expect({ seed, violations: check(world, ids) }).toEqual({ seed, violations: [] });
  return ids.map((id) => foldOf(world.sim, id).order!.status);
};

describe('stock on a log that loses, doubles and delays', () => {
  it('is promised once, given back once, and ends as the log says, over crashes and late twins (R3, R4, R14)', async () => {
    const ends = new Map<string, number>();
    for (let seed = 1; seed <= 40; seed += 1) {
      for (const status of await run(seed, {})) ends.set(status, (ends.get(status) ?? 0) + 1);
    }
    // Else the schedules show nothing.
    for (const status of ['completed', 'cancelled', 'rejected']) expect([status, ends.get(status)! > 60]).toEqual([status, true]);
  });

  it('is not touched by owners that lost their partitions', async () => {
    for (let seed = 2; seed <= 40; seed += 2) await run(seed, { zombies: true });
  });

  it('is neither lost nor doubled by rebuilding the ledger while everything goes on (R8)', async () => {
    for (let seed = 1; seed <= 30; seed += 1) await run(seed, { rebuilds: true, zombies: seed % 4 === 0 });
  });
});
