// tests/simulation/single-role/appends/outcomes.ts: appenders alone with their brokers: many callers, leaders that move, processes that are told
// to end at any moment. Every append is settled, and what its caller is told is so (truth/append-promises.ts).

import type { Appender, RecordToAppend } from '../../../../shared/log/log.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { sendFaults } from '../../faults.ts';
import { createFleet, type StartRole } from '../../fleet.ts';
import type { Process } from '../../kernel/process.ts';
import { createWorld, ORDERS, PRODUCTS, type RunWorld, type World } from '../../world.ts';

const APPENDERS = 2;
const FAULTS_MS = 10_000;
// All that is asked for before is settled by then: an append may wait for ten seconds.
const REST_MS = 40_000;
const APPEND_FAULTS = 0.4;
const BURST_MAX = 6;
const BURST_EVERY_MS = [1, 200] as const;
const END_EVERY_MS = [1, 1_200] as const;
const QUEUE_AGE_MAX_MS = 300;

export const outcomes: RunWorld = async (seed, onTrace) => {
  const settings = { faultsMs: FAULTS_MS, changesMs: FAULTS_MS, appendFaults: APPEND_FAULTS, databaseFaults: 0, refusesLarge: true };
  const world = createWorld(seed, settings, onTrace);
  const { sim } = world;
  const fleet = createFleet(world);
  /** Appends that have no outcome yet, and whose. */
  const open = new Map<string, Process>();
  for (let n = 1; n <= APPENDERS; n += 1) fleet.add(`appender-${n}`, appenderRole(open));
  sendFaults(world, fleet, { everyMs: 800 });
  const endOne = (): void => {
    if (sim.now() >= FAULTS_MS) return;
    fleet.end(sim.pick(fleet.slots));
    sim.after(sim.between(...END_EVERY_MS), endOne);
  };
  sim.after(sim.between(...END_EVERY_MS), endOne);
  await sim.run(REST_MS);
  for (const [id, { alive, name }] of open) if (alive) sim.violate(`the append of ${id} by ${name} has no outcome`);
  return [...sim.violations];
};

/** Some callers have a queue to themselves and wait; others would rather hear at once that it is long. */
const appenderRole =
  (open: Map<string, Process>): StartRole<Appender> =>
  (world, process) => {
    const { sim } = world;
    const appender = world.openAppender(process, sim.chance(0.5) ? QUEUE_AGE_MAX_MS : undefined);
    const burst = (): void => {
      if (sim.now() >= FAULTS_MS) return;
      for (let n = sim.between(1, BURST_MAX); n > 0; n -= 1) void call(world, appender, recordOf(world), open, process);
      sim.after(sim.between(...BURST_EVERY_MS), burst);
    };
    burst();
    return appender;
  };

const recordOf = ({ sim }: World): RecordToAppend => {
  const id = sim.newId();
  return { topic: sim.pick([ORDERS, PRODUCTS]), key: id, value: 'not ours', headers: { ce_id: id } };
};

/** As callers do: the same record again when its outcome is unknown, some of them. */
const call = async (
  { sim }: World,
  appender: Appender,
  record: RecordToAppend,
  open: Map<string, Process>,
  process: Process,
): Promise<void> => {
  const id = String(record.headers.ce_id);
  for (;;) {
    open.set(id, process);
    const outcome = await appender.append(record).then(
      () => 'appended',
      (error: unknown) => (error instanceof AppError ? error.code : String(error)),
    );
    open.delete(id);
    sim.trace(() => `${id}: ${outcome}`);
    if (outcome !== 'APPEND_OUTCOME_UNKNOWN' || sim.chance(0.5)) return;
  }
};
