// tests/simulation/loss/operator.ts: the person who does what docs/recovery.md says once roles have found another log than they had read:
// stops all, gives the log back what the archive has (or accepts the loss), rebuilds ledger and read model, starts all.

import type { Fleet } from '../fleet.ts';
import { ledgerLossOf, writeLedger } from '../processes/rebuild-ledger.ts';
import { ORDERS, PRODUCTS, type World } from '../world.ts';
import { findReadModelLoss, rebuildReadModel } from './rebuild-read-model.ts';
import { missingRecords, restoreOrders } from './restore-orders.ts';

const LOOK_EVERY_MS = 250;
const COMES_MS = [200, 4_000] as const;
const STEP_MS = [50, 1_000] as const;
// Longer than any process stands still, so that all who can have noticed by then.
const LOOKS_LATEST_MS = 11_000;

export interface OperatorOptions {
  /** Without it the loss is accepted, and what the archive has stays there. */
  restores: boolean;
}

/** To be called once the log has lost something. Resolves when roles run again, or when nobody has lost anything. */
export const repairAfterLoss = async (world: World, fleet: Fleet, { restores }: OperatorOptions): Promise<void> => {
  const { sim } = world;
  for (const until = sim.now() + LOOKS_LATEST_MS; fleet.stranded().length === 0 && sim.now() < until; ) await sim.pause(LOOK_EVERY_MS);
  if (fleet.stranded().length === 0 && findReadModelLoss(world) === null && ledgerLossOf(world) === null) {
    sim.trace(() => 'nothing had been read of what the log has lost');
    world.isLogOther = false;
    return;
  }
  await sim.pause(sim.between(...COMES_MS));
  world.isUnderRepair = true;
  sim.trace(() => `all roles are stopped; ${restores ? 'the log is restored' : 'the loss is accepted'}`);
  fleet.endAll();
  await sim.pause(sim.between(...STEP_MS));
  if (restores) await restoreOrders(world);
  await sim.pause(sim.between(...STEP_MS));
  const loss = findReadModelLoss(world);
  const [missing, named] = [missingRecords(world), loss?.records ?? 0];
  if (missing !== named) sim.violate(`${missing} archived records are not in the log, the operator is told of ${named}`);
  if (restores && loss !== null) sim.violate(`the restored log has not got all that is in the archive: ${JSON.stringify(loss)}`);
  const ends = new Map([ORDERS, PRODUCTS].map((topic) => [topic, world.log.ends(topic)]));
  writeLedger(world, ends, loss === null && ledgerLossOf(world) === null);
  rebuildReadModel(world);
  world.isLogOther = false;
  world.isUnderRepair = false;
  sim.trace(() => 'all roles are started');
  fleet.startAll();
};
