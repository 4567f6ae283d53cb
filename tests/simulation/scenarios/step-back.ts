// tests/simulation/scenarios/step-back.ts: read model and ledger are put back by one transaction, again and again, under clients and watchers.
// Everybody goes back with them, or makes the ledger again, and what clients and the feed are told stays true (R8, R17).

import { lineOf, UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import { landProductWith } from '../clients/records.ts';
import { sendWatchers } from '../clients/watchers.ts';
import { sendStepsBack } from '../loss/step-back.ts';
import { runSystem } from '../system.ts';
import type { RunWorld, World } from '../world.ts';

const UNITS = 10_000;

export const stepBackWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 2, processors: 2, projectors: 1 },
      faultsMs: 10_000,
      restMs: 34_000,
      appendFaults: 0.05,
      databaseFaults: 0.02,
      faults: seed % 2 === 0 ? { everyMs: 1_500 } : undefined,
      withProducts: true,
      clients: ({ world, driver, instances, checkAtRest }) => {
        landProductWith(world, 'lamp', UNITS);
        sendOrderClients(world, driver, { count: 8, duringMs: 9_000, changesMax: 2, itemsOf });
        checkAtRest(sendWatchers(world, instances, 2));
        sendStepsBack(world);
      },
    },
    onTrace,
  );

const itemsOf = ({ sim }: World) => [sim.chance(0.6) ? lineOf('lamp', sim.between(1, 3)) : UNTRACKED];
