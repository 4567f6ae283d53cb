// tests/simulation/single-role/products.ts: requests about few products, straight from the log, while processors come and go.
// One answer each, in versions without holes, and the ledger ends as the log says (R11).

import type { ProductEvent } from '../../../shared/product/events.ts';
import { productCreated, productEvent } from '../../support/builders/product-events.ts';
import { land, landProduct } from '../clients/records.ts';
import { checkLetters } from '../invariants/dead-letters.ts';
import { runSystem, type System } from '../system.ts';
import { PRODUCTS, type World } from '../world.ts';
import { type Look, TROUBLED } from './orders.ts';

const IDS = ['p0', 'p1', 'p2', 'p3'];
const FAULTS_MS = 20_000;
const REST_MS = 45_000;

const requestNow = ({ sim }: World, id: string): ProductEvent => {
  const stamp = { id: sim.newId(), time: sim.wallClock() };
  const data = sim.chance(0.3) ? { delta: null, stock: sim.between(0, 20) } : { delta: sim.between(-6, 6), stock: null };
  const request = sim.chance(0.2)
    ? productEvent('ProductUpdateRequested', id, { data: { price_minor: sim.between(1, 999) } })
    : productEvent('StockAdjustmentRequested', id, { data });
  return { ...request, ...stamp };
};

const submit = (world: World): void => {
  const { sim } = world;
  for (let n = 0; n < 5; n += 1)
    sim.after(sim.between(0, FAULTS_MS), () => land(world, { topic: PRODUCTS, key: sim.pick(IDS), value: 'not ours', headers: {} }));
  for (const id of IDS) {
    sim.after(sim.between(0, 3_000), () => {
      const fact = { ...productCreated(id, sim.between(0, 10)), id: sim.newId(), time: sim.wallClock() };
      landProduct(world, fact);
      if (sim.chance(0.5)) sim.after(sim.between(1, 10_000), () => landProduct(world, fact));
    });
    for (let n = sim.between(3, 8); n > 0; n -= 1) {
      const at = sim.between(0, FAULTS_MS);
      for (let together = sim.between(1, 4); together > 0; together -= 1) {
        sim.after(at, () => {
          const request = requestNow(world, id);
          landProduct(world, request);
          if (sim.chance(0.3)) sim.after(sim.between(1, 5_000), () => landProduct(world, request));
        });
      }
    }
  }
};

// More than any decision puts in: one that comes later than it was decided for then leaves no product below zero meanwhile.
const THEIR_UNITS = [30, 40] as const;

/** Another program writes facts that are the next ones at this very moment: what was decided for their place comes after them (R18). */
const interfere = (world: World): void => {
  const { sim, productTruth } = world;
  for (let n = sim.between(5, 25); n > 0; n -= 1) {
    sim.after(sim.between(3_000, FAULTS_MS), () => {
      const id = sim.pick(IDS);
      const version = (productTruth.products.get(id)?.version ?? 0) + 1;
      if (version === 1) return;
      const fact = sim.chance(0.5)
        ? productEvent('StockAdjusted', id, { version, data: { delta: sim.between(...THEIR_UNITS) } })
        : productEvent('ProductUpdated', id, {
            version,
            data: { name: `theirs ${n}`, price_minor: n, stock_delta: sim.between(...THEIR_UNITS) },
          });
      landProduct(world, { ...fact, id: sim.newId(), time: sim.wallClock() });
    });
  }
};

/** Another program writes the next two facts in the wrong order: the first one is void at its place, and stays it. */
const swap = (world: World): void => {
  const { sim, productTruth } = world;
  for (let n = sim.between(5, 15); n > 0; n -= 1) {
    sim.after(sim.between(3_000, FAULTS_MS), () => {
      const id = sim.pick(IDS);
      const { version } = productTruth.products.get(id) ?? { version: 0 };
      if (version === 0) return;
      for (const ahead of [2, 1]) {
        const fact = productEvent('StockAdjusted', id, { version: version + ahead, data: { delta: sim.between(...THEIR_UNITS) } });
        landProduct(world, { ...fact, id: sim.newId(), time: sim.wallClock() });
      }
    });
  }
};

type Run = (seed: number, onTrace?: (line: string) => void, look?: Look) => Promise<string[]>;

const productsWith =
  (more: (world: World) => void): Run =>
  (seed, onTrace, look = () => {}) => {
    const clients = ({ world, checkAtRest }: System): void => {
      submit(world);
      more(world);
      checkAtRest(() => {
        checkLetters(world, PRODUCTS);
        look(world);
      });
    };
    const roles = { apis: 0, processors: 2, projectors: 0 };
    return runSystem(seed, { ...TROUBLED, roles, faultsMs: FAULTS_MS, restMs: REST_MS, withProducts: true, clients }, onTrace);
  };

export const products = productsWith(() => {});
export const foreignProducts = productsWith(interfere);
export const swappedProducts = productsWith(swap);
