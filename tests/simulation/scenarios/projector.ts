// tests/simulation/scenarios/projector.ts: three projectors that take partitions from one another, while statements and records go wrong.
// The tables are the fold of the log all the same, every record once.

import { UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import { sendUndecodable } from '../clients/undecodable-records.ts';
import { checkLetters } from '../invariants/dead-letters.ts';
import { runSystem } from '../system.ts';
import { ORDERS, type RunWorld } from '../world.ts';

export const projectorWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 1, processors: 1, projectors: 3 },
      faultsMs: 10_000,
      restMs: 30_000,
      appendFaults: 0.1,
      databaseFaults: 0.08,
      faults: { everyMs: 450, restores: seed % 3 === 0 },
      tailMax: seed % 2 === 0 ? 3 : 10_000,
      clients: ({ world, driver, checkAtRest }) => {
        sendOrderClients(world, driver, { count: world.sim.between(3, 6), duringMs: 9_000, changesMax: 2, itemsOf: () => [UNTRACKED] });
        sendUndecodable(world, ORDERS, 4);
        checkAtRest(() => checkLetters(world, ORDERS));
      },
    },
    onTrace,
  );
