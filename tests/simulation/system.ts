// tests/simulation/system.ts: how a world runs: roles, clients and faults in one world, until all is calm; then everything is looked at.

import type { ApiParts } from '../../api/api.ts';
import { DONE } from '../../processor/fulfilment/fulfilment.ts';
import { auditApis } from './clients/audit.ts';
import { type ClientDriver, createClientDriver } from './clients/client-driver.ts';
import { type FaultRates, sendFaults } from './faults.ts';
import { createFleet, type Fleet, type Slot } from './fleet.ts';
import { checkOrders, checkReadModel } from './invariants/at-rest.ts';
import { checkLedger } from './invariants/ledger-at-rest.ts';
import { checkOracle } from './invariants/oracle.ts';
import { checkMemory } from './invariants/processor-memory.ts';
import { apiRole } from './processes/api.ts';
import { type Endpoint, processorRole, type RunningProcessor } from './processes/processor.ts';
import { projectorRole } from './processes/projector.ts';
import { createWorld, type World } from './world.ts';

export interface System {
  world: World;
  fleet: Fleet;
  instances: readonly Slot<ApiParts>[];
  processors: readonly Slot<RunningProcessor>[];
  driver: ClientDriver;
  /** Looks at everything, what clients saw included, when it has come to rest. */
  checkAtRest: (check: () => void) => void;
}

export interface SystemOptions {
  roles: { apis: number; processors: number; projectors: number };
  /** Faults happen until then. */
  faultsMs: number;
  /** Everything has come to rest; the instances of the api are asked about everything. */
  restMs: number;
  appendFaults: number;
  databaseFaults: number;
  /** What goes wrong besides; nothing, if not given. */
  faults?: FaultRates | undefined;
  /** What becomes of an attempt at fulfilment; done within a second and a half, if not given. */
  endpoint?: Endpoint | undefined;
  /** PROCESSOR_CONCURRENCY. */
  concurrency?: number;
  /** CARRY_AFTER_MS (R12); a second and a half, if not given. */
  carryAfterMs?: number | undefined;
  /** FULFILMENT_DEADLINE_MS; longer than the world lasts, if not given. */
  reportDeadlineMs?: number | undefined;
  /** TAIL_MAX; plenty, if not given. */
  tailMax?: number;
  withProducts?: boolean;
  /** The log may lose acknowledged records. */
  logMayLose?: boolean;
  /** Sends the clients. */
  clients: (system: System) => void;
}

const AUDIT_MAX_MS = 9_000;
// What stays open for longer is carried: a part of all orders.
const CARRY_AFTER_MS = 1_500;
// Longer than what was asked for last takes, with few places for orders that wait for one another.
const COME_TO_REST_MS = 9_000;

export const runSystem = async (seed: number, options: SystemOptions, onTrace?: (line: string) => void): Promise<string[]> => {
  const {
    roles,
    faultsMs,
    restMs,
    appendFaults,
    databaseFaults,
    withProducts = false,
    concurrency = 3,
    carryAfterMs = CARRY_AFTER_MS,
  } = options;
  const world = createWorld(
    seed,
    {
      faultsMs,
      changesMs: restMs - COME_TO_REST_MS,
      appendFaults,
      databaseFaults,
      tailMax: options.tailMax,
      logMayLose: options.logMayLose,
    },
    onTrace,
  );
  const { sim } = world;
  const fleet = createFleet(world);
  const endpoint = options.endpoint ?? (() => ({ afterMs: sim.between(0, 1_500), outcome: DONE }));
  const processor = processorRole({ endpoint, withProducts, concurrency, carryAfterMs, reportDeadlineMs: options.reportDeadlineMs });
  const processors = Array.from({ length: roles.processors }, (_, n) => fleet.add(`processor-${n + 1}`, processor));
  for (let n = 1; n <= roles.projectors; n += 1) fleet.add(`projector-${n}`, projectorRole);
  const instances = Array.from({ length: roles.apis }, (_, n) => fleet.add(`api-${n + 1}`, apiRole));
  const driver = createClientDriver(world, instances);
  const checks: (() => void)[] = [];
  options.clients({ world, fleet, instances, processors, driver, checkAtRest: (check) => void checks.push(check) });
  if (options.faults !== undefined) sendFaults(world, fleet, options.faults);

  await sim.run(restMs);
  checkOrders(world);
  checkOracle(world);
  if (roles.projectors > 0) checkReadModel(world);
  if (roles.processors > 0) checkLedger(world);
  checkMemory(world, processors);
  driver.checkDenied();
  for (const check of checks) check();
  if (roles.apis === 0) return [...sim.violations];
  auditApis(world, instances).catch((error: Error) => sim.violate(`the audit failed: ${error.stack}`));
  await sim.run(restMs + AUDIT_MAX_MS);
  return [...sim.violations];
};
