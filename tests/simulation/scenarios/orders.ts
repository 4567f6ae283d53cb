// tests/simulation/scenarios/orders.ts: two of each role, a handful of orders, and every kind of fault.
// Nothing is lost, doubled or stuck, and everybody who asks hears the same.

import { UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import { runSystem } from '../system.ts';
import type { RunWorld } from '../world.ts';

export const ordersWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 2, processors: 2, projectors: 2 },
      faultsMs: 12_000,
      restMs: 36_000,
      appendFaults: 0.15,
      databaseFaults: 0.02,
      faults: { everyMs: 900 },
      clients: ({ world, driver }) =>
        sendOrderClients(world, driver, { count: world.sim.between(3, 7), duringMs: 9_000, changesMax: 2, itemsOf: () => [UNTRACKED] }),
    },
    onTrace,
  );
