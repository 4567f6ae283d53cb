// tests/simulation/scenarios/products.ts: products that are changed through any instance while their owners change and the ledger is rebuilt.
// One decision for each request, in versions without holes (R11).

import { sendMerchants } from '../clients/product-clients.ts';
import { sendUndecodable } from '../clients/undecodable-records.ts';
import { runSystem } from '../system.ts';
import { PRODUCTS, type RunWorld } from '../world.ts';

export const productsWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 2, processors: 2, projectors: 0 },
      faultsMs: 9_000,
      restMs: 33_000,
      appendFaults: 0.2,
      databaseFaults: 0.04,
      faults: { everyMs: 700, rebuilds: seed % 3 === 0 },
      withProducts: true,
      clients: ({ world, instances }) => {
        sendMerchants(world, instances, { productIds: ['p1', 'p2', 'p3'], stockMax: 10, changes: 14, duringMs: 8_000 });
        sendUndecodable(world, PRODUCTS, 2);
      },
    },
    onTrace,
  );
