// tests/simulation/scenarios/ledger-loss.ts: the ledger's database loses commits, while what was decided in them is in the log (R17).
// Processors find it out, make the ledger again by themselves, and everything comes to rest as the log says. There is enough of everything:
// what two databases promise at once is not this world's matter.

import { lineOf, UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import { landProductWith } from '../clients/records.ts';
import { runSystem } from '../system.ts';
import type { RunWorld, World } from '../world.ts';

const PLENTY = ['lamp', 'desk'];
const UNITS = 10_000;

export const ledgerLossWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 2, processors: 2, projectors: 1 },
      faultsMs: 10_000,
      restMs: 34_000,
      appendFaults: 0.1,
      databaseFaults: 0.03,
      faults: { everyMs: 800, ledgerLosses: true, rebuilds: seed % 4 === 0 },
      withProducts: true,
      clients: ({ world, driver }) => {
        for (const id of PLENTY) landProductWith(world, id, UNITS);
        sendOrderClients(world, driver, { count: 10, duringMs: 9_000, changesMax: 2, itemsOf });
      },
    },
    onTrace,
  );

const itemsOf = ({ sim }: World) => {
  const items = [lineOf(sim.pick(PLENTY), sim.between(1, 3))];
  if (sim.chance(0.4)) items.push(UNTRACKED);
  return items;
};
