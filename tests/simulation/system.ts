// tests/simulation/system.ts: how a world runs: roles, clients and faults on one ground, until all is calm; then everything is looked at.

import type { ApiParts } from '../../api/api.ts';
import { DONE } from '../../processor/fulfilment.ts';
import { createDesk, type Desk } from './clients/desk.ts';
import { type FaultRates, sendFaults } from './faults.ts';
import { checkOrders, checkReadModel } from './invariants/at-rest.ts';
import { auditApis } from './invariants/audit.ts';
import { checkLedger } from './invariants/ledger-at-rest.ts';
import { apiRole } from './processes/api.ts';
import { createFleet, type Fleet, type Slot } from './processes/fleet.ts';
import { type Endpoint, processorRole } from './processes/processor.ts';
import { projectorRole } from './processes/projector.ts';
import { createWorld, type World } from './world.ts';

export interface System {
  world: World;
  fleet: Fleet;
  instances: readonly Slot<ApiParts>[];
  desk: Desk;
  /** Looks at what clients saw, when everything has come to rest. */
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
  faults: FaultRates;
  endpoint?: Endpoint;
  /** PROCESSOR_CONCURRENCY. */
  concurrency?: number;
  /** TAIL_MAX; plenty, if not given. */
  tailMax?: number;
  withProducts?: boolean;
  /** Sends the clients. */
  clients: (system: System) => void;
}

const AUDIT_MAX_MS = 9_000;
// Longer than what was asked for last takes, with few places for orders that wait for one another.
const COME_TO_REST_MS = 9_000;

export const runSystem = async (seed: number, options: SystemOptions, onTrace?: (line: string) => void): Promise<string[]> => {
  const { roles, faultsMs, restMs, appendFaults, databaseFaults, withProducts = false, concurrency = 3 } = options;
  const world = createWorld(
    seed,
    { faultsMs, changesMs: restMs - COME_TO_REST_MS, appendFaults, databaseFaults, tailMax: options.tailMax },
    onTrace,
  );
  const { sim } = world;
  const fleet = createFleet(world);
  const endpoint = options.endpoint ?? (() => ({ afterMs: sim.between(0, 1_500), outcome: DONE }));
  const processor = processorRole({ endpoint, withProducts, concurrency });
  for (let n = 1; n <= roles.processors; n += 1) fleet.add(`processor-${n}`, processor);
  for (let n = 1; n <= roles.projectors; n += 1) fleet.add(`projector-${n}`, projectorRole);
  const instances = Array.from({ length: roles.apis }, (_, n) => fleet.add(`api-${n + 1}`, apiRole));
  const desk = createDesk(world, instances);
  const checks: (() => void)[] = [];
  options.clients({ world, fleet, instances, desk, checkAtRest: (check) => void checks.push(check) });
  sendFaults(world, fleet, options.faults);

  await sim.run(restMs);
  checkOrders(world);
  if (roles.projectors > 0) checkReadModel(world);
  if (roles.processors > 0) checkLedger(world);
  desk.checkDenied();
  for (const check of checks) check();
  auditApis(world, instances).catch((error: Error) => sim.violate(`the audit failed: ${error.stack}`));
  await sim.run(restMs + AUDIT_MAX_MS);
  return [...sim.violations];
};
