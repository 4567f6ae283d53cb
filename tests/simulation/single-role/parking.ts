// tests/simulation/single-role/parking.ts: an endpoint of fulfilment that refuses some orders until late, fails now and then and is down for a while.
// Those orders are parked, alone; they stay parked while owners come and go, and go on when they are redriven.

import { type Accepted, DONE, type FailedForGood, type RetryLater } from '../../../processor/fulfilment/fulfilment.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import { creationNow, eventNow, landOrder } from '../clients/records.ts';
import type { Endpoint } from '../processes/processor.ts';
import { runSystem, type System } from '../system.ts';
import type { World } from '../world.ts';
import { type Look, TROUBLED, UNTROUBLED } from './orders.ts';

export const REFUSED: FailedForGood = { outcome: 'failed', failure: { code: 'FULFILMENT_REFUSED', detail: 'The endpoint answered 422.' } };
const later = (blames: RetryLater['blames']): RetryLater => ({
  outcome: 'retry',
  failure: { code: 'FULFILMENT_FAILED', detail: 'The endpoint answered 500.' },
  blames,
  afterMs: 0,
});

const ATTEMPTS_MAX = 3; // of processes/processor.ts
const HEALED_MS = 35_000;
const [DOWN_FROM_MS, DOWN_UNTIL_MS] = [9_000, 14_000];
const SUBMITTED = 24;
const LOOK_EVERY_MS = 2_000;

const endpoint: Endpoint = ({ orderId }, sim) => {
  const now = sim.now();
  const outcome = (): ReturnType<Endpoint>['outcome'] => {
    if (now > DOWN_FROM_MS && now < DOWN_UNTIL_MS) return later('endpoint');
    if (now < HEALED_MS && orderId.startsWith('refused')) return REFUSED;
    if (now < HEALED_MS && orderId.startsWith('broken')) return later('order');
    return sim.chance(0.1) ? later('order') : DONE;
  };
  return { afterMs: sim.between(0, 2_000), outcome: outcome() };
};

const submit = (world: World, id: string, afterMs: number): void =>
  void world.sim.after(afterMs, () => landOrder(world, creationNow(world, id, {})));

/** An operator who looks now and then, and redrives, cancels or completes what is parked; from late on, redrives all of it. */
const operate = (world: World, ids: readonly string[]): Set<string> => {
  const { sim, truth } = world;
  const redriven = new Set<string>();
  const look = (): void => {
    for (const id of ids) {
      const order = truth.orders.get(id)?.order;
      if (!order?.parked || isTerminal(order.status)) continue;
      const dice = sim.random();
      if (sim.now() > HEALED_MS || dice < 0.2) {
        redriven.add(id);
        landOrder(world, eventNow(world, 'OrderRedriveRequested', id));
      } else if (dice < 0.22) landOrder(world, eventNow(world, 'OrderCancellationRequested', id));
      else if (dice < 0.24) landOrder(world, eventNow(world, 'OrderStatusChangeRequested', id));
    }
    sim.after(LOOK_EVERY_MS, look);
  };
  sim.after(LOOK_EVERY_MS, look);
  return redriven;
};

/** What the log says of why an order was parked. */
const checkParkings = ({ sim, truth }: World, ids: readonly string[]): void => {
  for (const { event, effect } of truth.events.flat().filter((taken) => taken !== null)) {
    if (event.name !== 'OrderParked' || effect !== 'applied') continue;
    const { code, attempts, detail } = event.data;
    const isRight =
      code === 'FULFILMENT_REFUSED'
        ? attempts >= 1 && attempts <= ATTEMPTS_MAX
        : code === 'FULFILMENT_FAILED' && attempts === ATTEMPTS_MAX && detail === later('order').failure.detail;
    if (!isRight) sim.violate(`${event.orderId} was parked after ${attempts} attempts for ${code}: ${detail}`);
  }
  for (const id of ids) if (!isTerminal(truth.orders.get(id)?.order.status ?? 'pending')) sim.violate(`${id} has not ended`);
};

/** `look`: with the ids that were redriven. */
export const parking = (
  seed: number,
  onTrace?: (line: string) => void,
  look: (world: World, redriven: ReadonlySet<string>) => void = () => {},
): Promise<string[]> => {
  const clients = ({ world, checkAtRest }: System): void => {
    const ids = Array.from({ length: SUBMITTED }, (_, i) => `${['refused', 'broken', 'sound', 'sound'][i % 4]}-${i}`);
    for (const id of ids) submit(world, id, world.sim.between(0, 20_000));
    const redriven = operate(world, ids);
    checkAtRest(() => {
      checkParkings(world, ids);
      look(world, redriven);
    });
  };
  return runSystem(seed, { ...TROUBLED, endpoint, clients }, onTrace);
};

const REPORT_DEADLINE_MS = 40_000;
export type Poison = FailedForGood | Accepted;
export const UNREPORTED: Accepted = { outcome: 'accepted', reference: null };

/** 20 sound orders come after as many that are refused, or accepted and never reported; none of those is redriven. `look` sees what became of both. */
export const poisoned = (seed: number, { count, outcome }: { count: number; outcome: Poison }, look: Look): Promise<string[]> =>
  runSystem(seed, {
    ...UNTROUBLED,
    endpoint: ({ orderId }, sim) => ({ afterMs: sim.between(0, 2_000), outcome: orderId.startsWith('poison') ? outcome : DONE }),
    reportDeadlineMs: REPORT_DEADLINE_MS,
    clients: ({ world, checkAtRest }) => {
      for (let i = 0; i < count; i += 1) submit(world, `poison-${i}`, 0);
      for (let i = 0; i < 20; i += 1) submit(world, `sound-${i}`, 20_000);
      checkAtRest(() => look(world));
    },
  });

export interface Moment {
  isParked: boolean;
  attempts: number;
}

/** One order, refused until the faults are long over, then redriven. Returns how it stood at these times. */
export const parkedThroughout = async (
  seed: number,
  times: readonly number[],
  redriveAt: number,
): Promise<{ violations: string[]; moments: Moment[]; status: string | undefined; takeOvers: number }> => {
  const moments: Moment[] = [];
  let [attempts, takeOvers] = [0, 0];
  let status: string | undefined;
  const violations = await runSystem(seed, {
    ...TROUBLED,
    endpoint: (_, sim) => {
      attempts += 1;
      return { afterMs: 100, outcome: sim.now() < redriveAt ? REFUSED : DONE };
    },
    clients: ({ world, checkAtRest }) => {
      const { sim, truth } = world;
      submit(world, 'o-1', 0);
      for (const at of times)
        sim.after(at, () => void moments.push({ isParked: truth.orders.get('o-1')!.order.parked !== null, attempts }));
      sim.after(redriveAt, () => landOrder(world, eventNow(world, 'OrderRedriveRequested', 'o-1')));
      checkAtRest(() => {
        status = truth.orders.get('o-1')?.order.status;
        takeOvers = world.takeOvers.length;
      });
    },
  });
  return { violations, moments, status, takeOvers };
};
