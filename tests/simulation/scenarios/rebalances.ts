// tests/simulation/scenarios/rebalances.ts: partitions of orders and products that go and come back again and again.
// Processors and projectors hear of a commit when they own the partition for the second time, and count it for the first.

import { lineOf, UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import { sendMerchants } from '../clients/product-clients.ts';
import { sendUndecodable } from '../clients/undecodable-records.ts';
import { runSystem } from '../system.ts';
import { PRODUCTS, type RunWorld, type World } from '../world.ts';

const SCARCE = 'scarce';
const RARE = 'rare';

export const rebalancesWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 1, processors: 2, projectors: 2 },
      faultsMs: 10_000,
      restMs: 34_000,
      appendFaults: 0.1,
      databaseFaults: 0.02,
      faults: { everyMs: 3_000, rebalancesEveryMs: 250 },
      withProducts: true,
      carryAfterMs: 200,
      clients: ({ world, driver, instances }) => {
        sendMerchants(world, instances, { productIds: [SCARCE, RARE], stockMax: 10, changes: 8, duringMs: 8_000 });
        sendUndecodable(world, PRODUCTS, 4);
        sendOrderClients(world, driver, { count: 10, duringMs: 8_000, changesMax: 8, itemsOf });
      },
    },
    onTrace,
  );

const itemsOf = ({ sim }: World) => {
  if (sim.chance(0.4)) return [UNTRACKED];
  return [lineOf(sim.pick([SCARCE, RARE]), sim.between(1, 2))];
};
