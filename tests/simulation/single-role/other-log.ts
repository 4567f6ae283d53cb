// tests/simulation/single-role/other-log.ts: the topic of orders was deleted and made again, or put back as it was before.
// Its records are not those that the rows come from, and the projector must not project them on top of these (R9).

import type { AppError } from '../../../shared/runtime/app-error.ts';
import { creationNow, eventNow, landOrder } from '../clients/records.ts';
import { checkReadModel } from '../invariants/at-rest.ts';
import { projectorRole } from '../processes/projector.ts';
import { createWorld, ORDERS, type RunWorld, type World } from '../world.ts';

const SETTINGS = { faultsMs: 0, changesMs: Infinity, appendFaults: 0, databaseFaults: 0 };
const ORDERS_MAX = 12;
const DURING_MS = 3_000;
const END_MS = 10_000;

/** Lives of orders, woven into one another. */
const fill = (world: World, name: string, count: number): void => {
  const { sim } = world;
  for (let n = 0; n < count; n += 1) {
    const id = `${name}-${n}`;
    sim.after(sim.between(0, DURING_MS), () => landOrder(world, creationNow(world, id, {})));
    sim.after(sim.between(DURING_MS, 2 * DURING_MS), () => landOrder(world, eventNow(world, 'OrderProcessing', id, { version: 2 })));
  }
};

/** Resolves with why the projector has ended itself. */
const project = async (world: World): Promise<unknown[]> => {
  const ends: unknown[] = [];
  const process = world.sim.newProcess('projector');
  const onFatal = (error: unknown): void => {
    ends.push(error);
    process.alive = false;
  };
  world.sim.after(0, () => void projectorRole(world, process, onFatal), process);
  await world.sim.run(END_MS);
  return ends;
};

export const otherLog: RunWorld = async (seed, onTrace) => {
  const first = createWorld(seed, SETTINGS, onTrace);
  fill(first, 'old', first.sim.between(4, ORDERS_MAX));
  const early = await project(first);
  checkReadModel(first);
  const second = createWorld(seed + 1, SETTINGS, onTrace);
  Object.assign(second.readModel, first.readModel);
  // In every other world the id is the same: only the records tell.
  if (seed % 2 === 0) second.log.lose(ORDERS, new Map(), 'another topic');
  fill(second, 'new', 2 * ORDERS_MAX);
  await second.sim.run(END_MS / 2);
  const rows = JSON.stringify([...first.readModel.orders]);
  const late = await project(second);
  const found = [...first.sim.violations, ...second.sim.violations, ...early.map(String)];
  if (late.length !== 1 || (late[0] as AppError).code !== 'LOG_MISMATCH') found.push(`it ended because of ${late.join() || 'nothing'}`);
  if (JSON.stringify([...second.readModel.orders]) !== rows) found.push('records of another log are projected on top of the rows');
  return found;
};
