// tests/simulation/scenarios/lost-log.ts: the log loses acknowledged records under roles that run (R17), and an operator repairs it (R18).
// Nobody goes on with another log on top of what it has read. Afterwards everything is as the log says, and the archive's records are in it.

import { lineOf, UNTRACKED } from '../clients/items.ts';
import { creationNow, eventNow, landOrder, landProductWith } from '../clients/records.ts';
import { type LossOptions, loseSoon } from '../loss/lose-log.ts';
import { repairAfterLoss } from '../loss/operator.ts';
import { runSystem, type System } from '../system.ts';
import type { RunWorld, World } from '../world.ts';

const PLENTY = ['lamp', 'desk'];
const UNITS = 10_000;
const SUBMITTED = 16;
const SUBMITTED_DURING_MS = 14_000;
const REQUESTED_WITHIN_MS = 3_000;
const LOST_MS = [2_500, 7_000] as const;
const CLOSED_MS = 300;

/** While the roles are stopped no client is served. */
const served = (world: World, write: () => void): void => {
  if (world.isUnderRepair) world.sim.after(CLOSED_MS, () => served(world, write), null);
  else write();
};

const itemsOf = ({ sim }: World) => (sim.chance(0.5) ? [lineOf(sim.pick(PLENTY), sim.between(1, 3))] : [UNTRACKED]);

const submitOrders = (world: World): void => {
  const { sim } = world;
  for (let n = 0; n < SUBMITTED; n += 1) {
    const at = sim.between(0, SUBMITTED_DURING_MS);
    const id = `o-${n}`;
    const items = itemsOf(world);
    sim.after(at, () => served(world, () => landOrder(world, creationNow(world, id, { items }))), null);
    for (let requests = sim.between(0, 2); requests > 0; requests -= 1) {
      const request = () => eventNow(world, sim.pick(['OrderCancellationRequested', 'OrderStatusChangeRequested'] as const), id);
      sim.after(at + sim.between(1, REQUESTED_WITHIN_MS), () => served(world, () => landOrder(world, request())), null);
    }
  }
};

// Each owner answers a request once, and a copy or two of an answer may come late.
const ANSWERS_MAX = 8;

/** Nobody appends one answer again and again. */
const checkTold = ({ sim, truth }: World): void => {
  const counts = new Map<string, number>();
  for (const taken of truth.events.flat()) {
    const id = taken?.event.causationId;
    if (id) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  for (const [id, count] of counts) if (count > ANSWERS_MAX) sim.violate(`${id} is answered ${count} times`);
};

const lossWorld =
  (kind: LossOptions['kind']): RunWorld =>
  (seed, onTrace) =>
    runSystem(
      seed,
      {
        roles: { apis: 1, processors: 2, projectors: 1 },
        faultsMs: 10_000,
        restMs: 36_000,
        appendFaults: 0.1,
        databaseFaults: 0.02,
        // In every other world the loss is all that goes wrong besides: whoever does not notice then is not started again by chance.
        faults: seed % 2 === 0 ? { everyMs: 1_500 } : undefined,
        withProducts: true,
        logMayLose: true,
        clients: ({ world, fleet, checkAtRest }: System) => {
          const { sim } = world;
          for (const id of PLENTY) landProductWith(world, id, UNITS);
          submitOrders(world);
          checkAtRest(() => checkTold(world));
          const restores = sim.chance(0.6);
          const lose = async (): Promise<void> => {
            await loseSoon(world, { kind, productsKept: PLENTY.length });
            await repairAfterLoss(world, fleet, { restores });
          };
          const begin = (): void => void lose().catch((error: Error) => sim.violate(`the repair failed: ${error.stack}`));
          sim.after(sim.between(...LOST_MS), begin, null);
        },
      },
      onTrace,
    );

export const lostEnd = lossWorld('end');
export const lostOne = lossWorld('one');
export const lostAll = lossWorld('all');
