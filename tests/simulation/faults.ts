// tests/simulation/faults.ts: what goes wrong in a world besides appends and transactions.
// Processes die or stand still, clocks jump, groups expel, leaders move, a backup is restored. When, and to whom, the seed says.

import { backupOf, type ReadModelTables } from '../support/in-memory/read-model.ts';
import type { Fleet } from './fleet.ts';
import { isBehindCopies, isRebuilding, loseEndOfCopies, rebuildLedger } from './processes/rebuild-ledger.ts';
import { sendRebalances } from './rebalances.ts';
import { ORDERS, PARTITIONS, PRODUCTS, type World } from './world.ts';

export interface FaultRates {
  /** How often one of these comes, on average. */
  everyMs: number;
  /** Puts the read model back to an older state, too. */
  restores?: boolean;
  /** Rebuilds the ledger, too. */
  rebuilds?: boolean;
  /** What Kafka has noted for the processors lies beyond the end of the log, too, and the ledger is rebuilt. */
  lostEnds?: boolean;
  /** Takes commits of the ledger's database back, too. */
  ledgerLosses?: boolean;
  /** How often, on average, partitions are taken from their owners and given back; never, if not given. */
  rebalancesEveryMs?: number;
}

// How long the api may be behind itself after a restore: its tail reads again from the older checkpoint.
const READS_SETTLE_MS = 6_000;
const RESTORE_MS = [100, 1_500] as const;
const LOOK_EVERY_MS = 2_000;

export const sendFaults = (
  world: World,
  fleet: Fleet,
  { everyMs, restores = false, rebuilds = false, lostEnds = false, ledgerLosses = false, rebalancesEveryMs }: FaultRates,
): void => {
  const { sim, log, groups } = world;
  /** Null: there are no tables yet. */
  let backup: ReadModelTables | null = null;

  const restore = (): void => {
    if (backup === null) return;
    sim.trace(() => 'the read model is put back to an older state');
    const older = backupOf(backup);
    for (const name of Object.keys(older) as (keyof typeof older)[]) Object.assign(world.readModel, { [name]: older[name] });
    world.database.restarts += 1;
    world.database.downUntil = sim.now() + sim.between(...RESTORE_MS);
    world.readsSettleAt = sim.now() + READS_SETTLE_MS;
  };
  const kinds: (() => void)[] = [
    () => fleet.crash(sim.pick(fleet.slots)),
    () => fleet.crash(sim.pick(fleet.slots)),
    () => fleet.end(sim.pick(fleet.slots)),
    () => fleet.stop(sim.pick(fleet.slots), sim.chance(0.6) ? sim.between(50, 1_500) : sim.between(1_500, 9_000)),
    () => sim.pick(Object.values(groups)).expel(sim.pick(fleet.slots).process),
    () => log.moveLeader(sim.pick([...log.partitions(ORDERS), ...log.partitions(PRODUCTS)])),
    () => {
      sim.pick(fleet.slots).process.clockOffMs += sim.between(-20_000, 20_000);
    },
  ];
  if (restores) kinds.push(restore);
  if (rebuilds) {
    kinds.push(() => rebuildLedger(world));
    lookAfterRebuilds(world);
  }
  if (lostEnds) kinds.push(() => loseEndOfCopies(world));
  if (ledgerLosses) kinds.push(ledgerLoss(world));

  if (rebalancesEveryMs !== undefined) sendRebalances(world, rebalancesEveryMs);

  const next = (): void => {
    if (sim.now() >= sim.calmFrom) return;
    sim.pick(kinds)();
    const hasTables = world.readModel.checkpoints.size === PARTITIONS;
    if (restores && hasTables && sim.chance(0.4)) backup = backupOf(world.readModel);
    sim.after(sim.between(1, 2 * everyMs), next);
  };
  sim.after(sim.between(1, 2 * everyMs), next);
};

/** The operator who rebuilds the ledger looks at the processors afterwards, and does what their readiness asks for. */
const lookAfterRebuilds = (world: World): void => {
  const { sim } = world;
  const look = (): void => {
    if (isBehindCopies(world)) rebuildLedger(world);
    sim.after(LOOK_EVERY_MS, look);
  };
  sim.after(sim.calmFrom, look);
};

// A standby lags by tenths of a second; a backup is older.
const LAG_MS = [10, 3_000] as const;

/** Loses the commits since some time before: what it returns does. A rebuild that is under way is not met by it. */
const ledgerLoss = (world: World): (() => void) => {
  const { sim, ledger, database } = world;
  return () => {
    if (!ledger.complete || ledger.wentBack || isRebuilding(world)) return;
    const older = structuredClone(ledger);
    sim.after(sim.between(...LAG_MS), () => {
      if (isRebuilding(world) || sim.now() >= sim.calmFrom) return;
      sim.trace(() => 'the database of the ledger loses commits');
      Object.assign(ledger, older);
      world.mayBeBehind = true;
      database.restarts += 1;
      database.downUntil = sim.now() + sim.between(...RESTORE_MS);
    });
  };
};
