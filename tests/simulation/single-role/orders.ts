// tests/simulation/single-role/orders.ts: the processor on a log that loses, doubles and delays. Three worlds: one in which the only
// trouble is the load, so that whatever is not as it should be shows at once; crashes; and owners that go on after they were replaced.

import { encodeOrderEvent } from '../../../shared/log/order-codec.ts';
import type { OrderFactName } from '../../../shared/order/events.ts';
import { created, event, T0 } from '../../support/builders/order-events.ts';
import { END_MS, PARTITIONS, processorWorld, TOPIC } from './processor-world.ts';
import type { Simulation } from './simulation.ts';
import { differences, foldOf, unfinished, wrongVersions } from './verdicts.ts';

const ORIGINS = ['server', 'key', 'client', 'batch'] as const;
const REQUESTS = ['OrderCancellationRequested', 'OrderStatusChangeRequested', 'OrderAmendmentRequested', 'OrderRedriveRequested'] as const;
const SKEW_MS = 3_000; // of the clocks of those who submit

const land = (sim: Simulation, record: ReturnType<typeof encodeOrderEvent>): void => void sim.land(record);

const requestOf = (sim: Simulation, id: string) => {
  const options = { time: sim.clock.now() };
  const expected_version = sim.chance(0.3) ? sim.between(1, 3) : null;
  const name = REQUESTS[sim.between(0, 3)]!;
  if (name === 'OrderStatusChangeRequested') {
    const status = (['processing', 'completed', 'cancelled'] as const)[sim.between(0, 2)]!;
    return event(name, id, { ...options, data: { status, expected_version } });
  }
  return event(name, id, { ...options, data: { expected_version } });
};

/** Orders in bursts, so that they are in one another's way. `twins`: copies come late, keys are used again. */
export const submitOrders = (sim: Simulation, count: number, twins: boolean): string[] =>
  Array.from({ length: count }, (_, i) => {
    const id = `o-${i}`;
    const id_origin = ORIGINS[i % 4]!;
    const at = sim.between(0, 6) * 4000 + sim.between(0, 40);
    const creation = () => encodeOrderEvent(created(id, { id_origin }, { time: sim.clock.now() + sim.between(-SKEW_MS, SKEW_MS) }), TOPIC);
    const later = (max: number): number => sim.between(1, sim.chance(0.5) ? 500 : max);
    sim.clock.after(at, () => {
      const record = creation();
      land(sim, record);
      if (twins && sim.chance(0.4)) sim.clock.after(later(25_000), () => land(sim, record));
    });
    if (twins && id_origin !== 'server' && sim.chance(0.5)) sim.clock.after(at + later(25_000), () => land(sim, creation()));
    for (let r = sim.between(0, 3); r > 0; r -= 1) {
      sim.clock.after(at + sim.between(5, sim.chance(0.7) ? 4000 : 28_000), () => {
        const record = encodeOrderEvent(requestOf(sim, id), TOPIC);
        land(sim, record);
        if (twins && sim.chance(0.2)) sim.clock.after(sim.between(1, 3000), () => land(sim, record));
      });
    }
    return id;
  });

const STRANGE: readonly OrderFactName[] = ['OrderProcessing', 'OrderCompleted', 'OrderCancelled', 'OrderRejected', 'OrderAmended'];

/** Facts that no owner would write, and requests for orders that nobody knows. */
const disturb = (sim: Simulation, ids: readonly string[]): void => {
  for (let n = 0; n < 12; n += 1) {
    const options = { version: sim.between(1, 4), time: T0 };
    const fact = event(STRANGE[sim.between(0, 4)]!, ids[sim.between(0, ids.length - 1)]!, options);
    sim.clock.after(sim.between(0, 28_000), () => land(sim, encodeOrderEvent(fact, TOPIC)));
  }
  for (let n = 0; n < 6; n += 1) {
    const request = event('OrderCancellationRequested', `nobody-${n}`, { time: T0 });
    sim.clock.after(sim.between(0, 28_000), () => land(sim, encodeOrderEvent(request, TOPIC)));
  }
};

const findings = (world: ReturnType<typeof processorWorld>, ids: readonly string[]): string[] => {
  const { records, folded } = foldOf(world.sim.log);
  return [...world.violations, ...differences(records, folded), ...wrongVersions(folded), ...unfinished(folded, ids), ...stillOpen(world)];
};

const stillOpen = ({ openOrders }: ReturnType<typeof processorWorld>): string[] =>
  openOrders() === 0 ? [] : [`the processor takes ${openOrders()} orders for open that the log has ended`];

const restless = async (seed: number, options: Parameters<typeof processorWorld>[1]): Promise<string[]> => {
  const world = processorWorld(seed, options);
  const ids = submitOrders(world.sim, 20, true);
  disturb(world.sim, ids);
  await world.sim.run(T0 + END_MS);
  return findings(world, ids);
};
export const crashes = (seed: number): Promise<string[]> => restless(seed, {});
export const zombies = (seed: number): Promise<string[]> => restless(seed * 2, { zombies: true });
/** Whatever is open for more than half a second is carried, while owners come and go. */
export const carried = (seed: number): Promise<string[]> =>
  restless(seed * 2, { carryAfterMs: 500, fulfilmentMs: (_, sim) => sim.between(0, 9_000) });

const PLACES = 3; // of the processor in this world

/** Nothing fails and nobody dies, so nothing may be in vain either. */
export const calm = async (seed: number): Promise<string[]> => {
  const world = processorWorld(seed * 2 + 1);
  const { sim } = world;
  sim.calmFrom = T0;
  const ids = submitOrders(sim, 24, false);
  await sim.run(T0 + END_MS);
  const found = findings(world, ids);
  const { folded } = foldOf(sim.log);
  for (const { event: each, effect } of folded.verdicts) if (effect === 'void') found.push(`${each!.name} of ${each!.orderId} was in vain`);
  const perPartition = Array.from({ length: PARTITIONS }, () => new Set<string>());
  for (const { event: each, effect, partition } of folded.verdicts) {
    const running = perPartition[partition]!;
    // A request by hand takes a place even if none is free.
    if (effect === 'applied' && each!.name === 'OrderProcessing' && each!.causationId === null) running.add(each!.orderId);
    else if (effect === 'applied') running.delete(each!.orderId);
    if (running.size > PLACES) found.push(`${running.size} orders were in processing at once`);
  }
  return found;
};

/** Requests for orders that nobody knows, and nothing else: what is unanswered is all that holds back where a successor starts. */
export const strays = async (seed: number): Promise<string[]> => {
  const world = processorWorld(seed * 2);
  const { sim } = world;
  for (let n = 0; n < 60; n += 1) {
    const request = event('OrderCancellationRequested', `nobody-${n}`, { time: T0 });
    sim.clock.after(sim.between(0, 28_000), () => land(sim, encodeOrderEvent(request, TOPIC)));
  }
  await sim.run(T0 + END_MS);
  return findings(world, []);
};
