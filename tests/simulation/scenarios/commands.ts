// tests/simulation/scenarios/commands.ts: few orders and many clients who want them changed at the same time.
// Through any instance, while owners come and go: each request has one answer, the same for everybody.

import { UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import { runSystem } from '../system.ts';
import type { RunWorld } from '../world.ts';

export const commandsWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 2, processors: 3, projectors: 1 },
      faultsMs: 9_000,
      restMs: 33_000,
      appendFaults: 0.2,
      databaseFaults: 0.02,
      faults: { everyMs: 600 },
      concurrency: 1,
      clients: ({ world, driver }) =>
        sendOrderClients(world, driver, { count: world.sim.between(3, 5), duringMs: 3_000, changesMax: 7, itemsOf: () => [UNTRACKED] }),
    },
    onTrace,
  );
