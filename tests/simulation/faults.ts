// tests/simulation/faults.ts: what goes wrong in a world besides appends and transactions: processes die or stand still, clocks jump,
// groups expel, leaders move, a backup is restored. When, and to whom, the seed says.

import { backupOf } from './ground/read-model.ts';
import type { Fleet } from './roles/fleet.ts';
import { ORDERS, PRODUCTS, type World } from './world.ts';

export interface FaultRates {
  /** How often one of these comes, on average. */
  everyMs: number;
  /** Restores the read model, too. */
  restores?: boolean;
}

// How long the api may be behind itself after a restore: its tail reads anew from the older checkpoint.
const READS_SETTLE_MS = 6_000;

export const sendFaults = (world: World, fleet: Fleet, { everyMs, restores = false }: FaultRates): void => {
  const { sim, log, groups } = world;
  let backup = backupOf(world.readModel);

  const restore = (): void => {
    sim.trace(() => 'the read model is put back to an older state');
    const older = backupOf(backup);
    for (const name of Object.keys(older) as (keyof typeof older)[]) Object.assign(world.readModel, { [name]: older[name] });
    world.readsSettleAt = sim.now() + READS_SETTLE_MS;
  };
  const kinds: (() => void)[] = [
    () => fleet.crash(sim.pick(fleet.slots)),
    () => fleet.crash(sim.pick(fleet.slots)),
    () => fleet.stop(sim.pick(fleet.slots), sim.chance(0.6) ? sim.between(50, 1_500) : sim.between(1_500, 9_000)),
    () => sim.pick(Object.values(groups)).expel(sim.pick(fleet.slots).process),
    () => log.moveLeader(sim.pick([...log.partitions(ORDERS), ...log.partitions(PRODUCTS)])),
    () => {
      sim.pick(fleet.slots).process.clockOffMs += sim.between(-20_000, 20_000);
    },
  ];
  if (restores) kinds.push(restore);

  const next = (): void => {
    if (sim.now() >= sim.calmFrom) return;
    sim.pick(kinds)();
    if (restores && sim.chance(0.4)) backup = backupOf(world.readModel);
    sim.after(sim.between(1, 2 * everyMs), next);
  };
  sim.after(sim.between(1, 2 * everyMs), next);
};
