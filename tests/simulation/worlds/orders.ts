// tests/simulation/worlds/orders.ts: two of each role, a handful of orders, and every kind of fault: nothing is lost, doubled or stuck,
// and everybody who asks hears the same.

import { DONE } from '../../../processor/fulfilment.ts';
import { createDesk } from '../clients/desk.ts';
import { UNTRACKED } from '../clients/items.ts';
import { sendShoppers } from '../clients/shoppers.ts';
import { sendFaults } from '../faults.ts';
import { checkOrders, checkReadModel } from '../oracle/at-rest.ts';
import { auditApis } from '../oracle/audit.ts';
import { apiRole } from '../roles/api.ts';
import { createFleet } from '../roles/fleet.ts';
import { processorRole } from '../roles/processor.ts';
import { projectorRole } from '../roles/projector.ts';
import { createWorld } from '../world.ts';
import type { RunWorld } from '../worlds.ts';

const FAULTS_MS = 12_000;
const AUDIT_MS = 34_000;
const END_MS = 45_000;

export const ordersWorld: RunWorld = async (seed, onTrace) => {
  const world = createWorld(seed, { faultsMs: FAULTS_MS, endMs: END_MS, appendFaults: 0.15, databaseFaults: 0.02 }, onTrace);
  const { sim } = world;
  const fleet = createFleet(world);
  const processor = processorRole({
    endpoint: () => ({ afterMs: sim.between(0, 1_500), outcome: DONE }),
    withProducts: false,
    concurrency: 3,
  });
  for (const name of ['processor-1', 'processor-2']) fleet.add(name, processor);
  for (const name of ['projector-1', 'projector-2']) fleet.add(name, projectorRole);
  const instances = ['api-1', 'api-2'].map((name) => fleet.add(name, apiRole));
  const desk = createDesk(world, instances);
  sendShoppers(world, desk, { count: sim.between(3, 7), duringMs: 9_000, changesMax: 2, itemsOf: () => [UNTRACKED] });
  sendFaults(world, fleet, { everyMs: 900 });
  sim.after(AUDIT_MS, () => void auditApis(world, instances));
  await sim.run(END_MS);
  checkOrders(world);
  checkReadModel(world);
  return [...sim.violations];
};
