// tests/simulation/loss/step-back.ts: a database is put back to what it was one transaction ago, the smallest step that a comparison can miss.

import { backupOf } from '../../support/in-memory/read-model.ts';
import { isRebuilding } from '../processes/rebuild-ledger.ts';
import type { World } from '../world.ts';

const EVERY_MS = 1_500;
// Mostly before the next transaction, so that it is one; sometimes a few later.
const SOON_MS = [0, 20] as const;
const LATER_MS = [0, 120] as const;
const DOWN_MAX_MS = 800;
const READS_SETTLE_MS = 6_000;

/** Now and then, until all is calm: the read model or the ledger. */
export const sendStepsBack = (world: World): void => {
  const { sim } = world;
  const next = (): void => {
    if (sim.now() >= sim.calmFrom) return;
    (sim.chance(0.6) ? readModelBack : ledgerBack)(world);
    sim.after(sim.between(1, 2 * EVERY_MS), next, null);
  };
  sim.after(sim.between(1, 2 * EVERY_MS), next, null);
};

const readModelBack = (world: World): void => {
  const { readModel, aroundCommit } = world;
  aroundCommit.readModel = (work) => {
    const [older, nextOffsets] = [backupOf(readModel), JSON.stringify([...readModel.checkpoints])];
    const result = work();
    if (nextOffsets === JSON.stringify([...readModel.checkpoints])) return result;
    aroundCommit.readModel = (each) => each();
    restoreSoon(world, 'the read model', () => {
      Object.assign(readModel, older);
      world.readsSettleAt = world.sim.now() + READS_SETTLE_MS;
    });
    return result;
  };
};

const ledgerBack = (world: World): void => {
  const { ledger, aroundCommit } = world;
  aroundCommit.ledger = (work) => {
    if (!ledger.complete || ledger.wentBack || isRebuilding(world)) return work();
    const older = structuredClone(ledger);
    const result = work();
    aroundCommit.ledger = (each) => each();
    restoreSoon(world, 'the ledger', () => {
      if (!ledger.complete || ledger.wentBack || isRebuilding(world)) return;
      Object.assign(ledger, older);
      world.mayBeBehind = true;
    });
    return result;
  };
};

const restoreSoon = ({ sim, database }: World, what: string, restore: () => void): void => {
  const put = (): void => {
    if (sim.now() >= sim.calmFrom) return;
    sim.trace(() => `${what} is put back to what it was a transaction ago`);
    restore();
    database.restarts += 1;
    database.downUntil = sim.now() + (sim.chance(0.5) ? 0 : sim.between(1, DOWN_MAX_MS));
  };
  const [min, max] = sim.chance(0.7) ? SOON_MS : LATER_MS;
  sim.after(sim.between(min, max), put, null);
};
