// tests/simulation/single-role/long-lives.ts: orders whose fulfilment outlives many owners are carried (R12).
// They are taken over as the log has them, from near its end, also beside owners that were replaced and while the ledger is rebuilt.

import { DONE } from '../../../processor/fulfilment/fulfilment.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import { creationNow, eventNow, landOrder } from '../clients/records.ts';
import { runSystem, type System } from '../system.ts';
import type { World } from '../world.ts';
import { FAULTS_MS, type Look, TROUBLED } from './orders.ts';

const SLOW = ['slow-0', 'slow-1', 'slow-2', 'slow-3'];
const SLOW_MS = 20_000;

const submitOrders = (world: World): string[] => {
  const { sim } = world;
  const ids = [...SLOW, ...Array.from({ length: 60 }, (_, i) => `o-${i}`)];
  for (const [i, id] of ids.entries()) {
    const isSlow = id.startsWith('slow');
    const at = isSlow ? i * 300 : sim.between(0, FAULTS_MS);
    sim.after(at, () => {
      const creation = creationNow(world, id, {});
      landOrder(world, creation);
      if (sim.chance(0.3)) sim.after(sim.between(1, 9_000), () => landOrder(world, creation));
    });
    for (let r = isSlow ? sim.between(0, 4) : 0; r > 0; r -= 1) {
      const name = sim.chance(0.2) ? 'OrderCancellationRequested' : 'OrderAmendmentRequested';
      sim.after(at + sim.between(100, FAULTS_MS), () => landOrder(world, eventNow(world, name, id)));
    }
  }
  return ids;
};

/** No row is kept of an order that has ended below the start: a successor would take it for open. */
const checkCarried = ({ sim, ledger, truth }: World): void => {
  for (const [key, rows] of ledger.carried) {
    const start = ledger.partitions.get(key)!.start.offset;
    for (const id of rows.keys())
      if (truth.orderBelow(id, start)?.status === 'completed') sim.violate(`${id} is carried, it was completed below the start ${start}`);
  }
};

export const longLives = (seed: number, onTrace?: (line: string) => void, look: Look = () => {}): Promise<string[]> => {
  const clients = ({ world, checkAtRest }: System): void => {
    const ids = submitOrders(world);
    checkAtRest(() => {
      for (const id of ids)
        if (!isTerminal(world.truth.orders.get(id)?.order.status ?? 'pending')) world.sim.violate(`${id} has not ended`);
      checkCarried(world);
      look(world);
    });
  };
  const options = {
    ...TROUBLED,
    roles: { apis: 0, processors: seed % 2 === 0 ? 1 : 3, projectors: 1 },
    faults: { everyMs: 1_500, rebuilds: seed % 3 === 0 },
    carryAfterMs: 1_500,
  };
  return runSystem(
    seed,
    {
      ...options,
      endpoint: ({ orderId }, sim) => ({ afterMs: orderId.startsWith('slow') ? SLOW_MS : sim.between(0, 500), outcome: DONE }),
      clients,
    },
    onTrace,
  );
};
