// tests/simulation/scenarios/feed.ts: clients of the live feed on instances that die, stand still, and whose read model is restored.
// On every connection nothing is missing, nothing comes twice, and every cursor is true.

import { UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import { sendWatchers } from '../clients/watchers.ts';
import { runSystem } from '../system.ts';
import type { RunWorld } from '../world.ts';

export const feedWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 2, processors: 1, projectors: 1 },
      faultsMs: 10_000,
      restMs: 32_000,
      appendFaults: 0.1,
      databaseFaults: 0.02,
      faults: { everyMs: 800, restores: true },
      clients: ({ world, driver, instances, checkAtRest }) => {
        sendOrderClients(world, driver, { count: world.sim.between(4, 8), duringMs: 9_000, changesMax: 1, itemsOf: () => [UNTRACKED] });
        checkAtRest(sendWatchers(world, instances, 4));
      },
    },
    onTrace,
  );
