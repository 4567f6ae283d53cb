// tests/simulation/scenarios/long-open.ts: orders that stay open while everything around them is replaced.
// Their fulfilment takes long or fails, they are parked, and released long after. Nobody forgets them, and they hold up nobody else (R6,
// R12).

import { DONE, type FailedForGood, type RetryLater } from '../../../processor/fulfilment/fulfilment.ts';
import { redriveParked } from '../clients/changes.ts';
import { UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import type { Endpoint } from '../processes/processor.ts';
import { runSystem, type System } from '../system.ts';
import type { RunWorld } from '../world.ts';

const FAULTS_MS = 30_000;
const REDRIVE_EVERY_MS = 4_000;
const AWAY_EVERY_MS = 8_000;
const AWAY_MS = 2_500;
const NEVER: FailedForGood = { outcome: 'failed', failure: { code: 'FULFILMENT_REFUSED', detail: 'never' } };
const AWAY: RetryLater = {
  outcome: 'retry',
  failure: { code: 'FULFILMENT_UNREACHABLE', detail: 'away' },
  blames: 'endpoint',
  afterMs: 0,
};
const LATER: RetryLater = { outcome: 'retry', failure: { code: 'FULFILMENT_TIMED_OUT', detail: 'later' }, blames: 'order', afterMs: 0 };

/** As long as there are faults it often fails, and now and then it is away. */
const endpoint: Endpoint = (_, sim) => {
  if (sim.now() >= sim.calmFrom) return { afterMs: sim.between(0, 500), outcome: DONE };
  if (sim.now() % AWAY_EVERY_MS > AWAY_EVERY_MS - AWAY_MS) return { afterMs: sim.between(0, 100), outcome: sim.chance(0.5) ? AWAY : LATER };
  const afterMs = sim.chance(0.3) ? sim.between(2_000, 12_000) : sim.between(0, 500);
  if (sim.chance(0.5)) return { afterMs, outcome: DONE };
  return { afterMs, outcome: sim.chance(0.5) ? NEVER : LATER };
};

export const longOpenWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 1, processors: 2, projectors: 1 },
      faultsMs: FAULTS_MS,
      restMs: 66_000,
      appendFaults: 0.1,
      databaseFaults: 0.02,
      faults: { everyMs: 2_500 },
      endpoint,
      clients: (system) => {
        const { world, driver } = system;
        sendOrderClients(world, driver, { count: world.sim.between(5, 9), duringMs: FAULTS_MS, changesMax: 1, itemsOf: () => [UNTRACKED] });
        keepRedriving(system);
      },
    },
    onTrace,
  );

/** An operator who looks at what is parked now and then. */
export const keepRedriving = (system: System): void => {
  const { world, driver } = system;
  const { sim, truth } = world;
  const look = (): void => {
    for (const [orderId, { order }] of truth.orders)
      if (order.parked !== null && (sim.now() >= sim.calmFrom || sim.chance(0.5))) void redriveParked(world, driver, orderId);
    sim.after(REDRIVE_EVERY_MS, look);
  };
  look();
};
