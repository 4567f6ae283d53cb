// tests/simulation/scenarios/stock.ts: more orders than units, while stock, owners and the ledger change.
// Nothing is sold twice, kept back for ever or counted wrong, at any moment.

import { lineOf, UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import { sendMerchants } from '../clients/product-clients.ts';
import { runSystem } from '../system.ts';
import type { RunWorld, World } from '../world.ts';

const SCARCE = 'scarce';
const RARE = 'rare';

export const stockWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 2, processors: 2, projectors: 1 },
      faultsMs: 10_000,
      restMs: 34_000,
      appendFaults: 0.15,
      databaseFaults: 0.03,
      faults: { everyMs: 800, rebuilds: seed % 3 === 0 },
      withProducts: true,
      clients: ({ world, driver, instances }) => {
        sendMerchants(world, instances, { productIds: [SCARCE, RARE], stockMax: 6, changes: 3, duringMs: 8_000 });
        sendOrderClients(world, driver, { count: 7, duringMs: 8_000, changesMax: 2, itemsOf });
      },
    },
    onTrace,
  );

const itemsOf = ({ sim }: World) => {
  const items = [lineOf(SCARCE, sim.between(1, 3))];
  if (sim.chance(0.5)) items.push(lineOf(RARE, 1));
  if (sim.chance(0.4)) items.push(UNTRACKED);
  return items;
};
