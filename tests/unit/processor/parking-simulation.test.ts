// Goal: an order whose fulfilment keeps failing is parked, alone; it stays parked over crashes, and every parked order goes on when it
// is redriven. Method: the real processor and the real attempts on a simulated log with crashes and zombies; an endpoint that refuses
// some orders until late, fails now and then, and is down for a while.

import { describe, expect, it } from 'vitest';
import { DONE, type FailedForGood, type RetryLater } from '../../../processor/fulfilment.ts';
import { encodeOrderEvent } from '../../../shared/log/order-codec.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import type { Order } from '../../../shared/order/order.ts';
import { checkAtRest, END_MS, foldOf, processorWorld, TOPIC } from '../../simulation/single-role/processor-world.ts';
import type { Simulation } from '../../simulation/single-role/simulation.ts';
import { created, event, T0 } from '../../support/builders/order-events.ts';

const failed: FailedForGood = { outcome: 'failed', failure: { code: 'FULFILMENT_REFUSED', detail: 'The endpoint answered 422.' } };
const later = (blames: RetryLater['blames']): RetryLater => ({
  outcome: 'retry',
  failure: { code: 'FULFILMENT_FAILED', detail: 'The endpoint answered 500.' },
  blames,
  afterMs: 0,
});

const HEALED_MS = 35_000;
const [DOWN_FROM_MS, DOWN_UNTIL_MS] = [9_000, 14_000];
const endpoint = (order: Order, sim: Simulation) => {
  const now = sim.clock.now() - T0;
  if (now > DOWN_FROM_MS && now < DOWN_UNTIL_MS) return later('endpoint');
  if (now < HEALED_MS && order.orderId.startsWith('refused')) return failed;
  if (now < HEALED_MS && order.orderId.startsWith('broken')) return later('order');
  return sim.chance(0.1) ? later('order') : DONE;
};

const submit = (sim: Simulation, id: string, afterMs: number): void =>
  sim.clock.after(afterMs, () => sim.land(encodeOrderEvent(created(id, {}, { time: sim.clock.now() }), TOPIC)));

const submitOrders = (sim: Simulation): string[] =>
  Array.from({ length: 24 }, (_, i) => {
    const id = `${['refused', 'broken', 'sound', 'sound'][i % 4]}-${i}`;
    submit(sim, id, sim.between(0, 20_000));
    return id;
  });

/** Somebody who looks now and then, and redrives, cancels or completes what is parked; from late on, redrives all of it. */
const operate = (sim: Simulation, ids: readonly string[], redriven: Set<string>): void => {
  const look = (): void => {
    for (const id of ids) {
      const { order } = foldOf(sim, id);
      if (!order?.parked || isTerminal(order.status)) continue;
      const options = { time: sim.clock.now() };
      const dice = sim.random();
      if (sim.clock.now() > T0 + HEALED_MS || dice < 0.2) {
        redriven.add(id);
        sim.land(encodeOrderEvent(event('OrderRedriveRequested', id, options), TOPIC));
      } else if (dice < 0.22) sim.land(encodeOrderEvent(event('OrderCancellationRequested', id, options), TOPIC));
      else if (dice < 0.24) sim.land(encodeOrderEvent(event('OrderStatusChangeRequested', id, options), TOPIC));
    }
    sim.clock.after(2_000, look);
  };
  sim.clock.after(2_000, look);
};

describe('orders whose fulfilment fails', () => {
  it('are parked, are redriven, and end, over crashes and zombies', async () => {
    const seen = { parked: 0, parkedAgain: 0, cancelled: 0, redrivenAndCompleted: 0 };
    for (let seed = 1; seed <= 40; seed += 1) {
      const { sim, violations } = processorWorld(seed, { zombies: seed % 4 === 0, endpoint });
      const ids = submitOrders(sim);
      const redriven = new Set<string>();
      operate(sim, ids, redriven);
      await sim.run(T0 + END_MS);
      expect({ seed, violations: [...violations, ...checkAtRest(sim, ids)] }).toEqual({ seed, violations: [] });
      for (const id of ids) {
        const { order, effects } = foldOf(sim, id);
        const parkings = effects.filter(([{ name }, effect]) => name === 'OrderParked' && effect === 'applied');
        for (const [parking] of parkings) {
          if (parking.name !== 'OrderParked') continue;
          expect(parking.data, `seed ${seed}, ${id}`).toMatchObject(
            parking.data.code === 'FULFILMENT_REFUSED'
              ? { attempts: expect.toSatisfy((attempts: number) => attempts >= 1 && attempts <= 3) }
              : { attempts: 3, code: 'FULFILMENT_FAILED', detail: 'The endpoint answered 500.' },
          );
        }
        if (parkings.length > 0) seen.parked += 1;
        if (parkings.length > 1) seen.parkedAgain += 1;
        if (order!.status === 'cancelled') seen.cancelled += 1;
        if (redriven.has(id) && order!.status === 'completed') seen.redrivenAndCompleted += 1;
      }
    }
    // Else the schedules show nothing.
    expect(seen.parked).toBeGreaterThan(300);
    expect(seen.parkedAgain).toBeGreaterThan(100);
    expect(seen.cancelled).toBeGreaterThan(10);
    expect(seen.redrivenAndCompleted).toBeGreaterThan(200);
  });

  it('hold up nobody: more of them than there are places wait parked, and the others complete as if they were not there', async () => {
    const run = async (poison: number): Promise<number> => {
      const { sim, violations } = processorWorld(7, { endpoint: ({ orderId }) => (orderId.startsWith('refused') ? failed : DONE) });
      sim.calmFrom = T0;
      for (let i = 0; i < poison; i += 1) submit(sim, `refused-${i}`, 0);
      const sound = Array.from({ length: 20 }, (_, i) => `sound-${i}`);
      for (const id of sound) submit(sim, id, 20_000);
      await sim.run(T0 + END_MS);
      expect([...violations, ...checkAtRest(sim, sound)]).toEqual([]);
      for (let i = 0; i < poison; i += 1)
        expect(foldOf(sim, `refused-${i}`).order).toMatchObject({
          status: 'processing',
          parked: { code: 'FULFILMENT_REFUSED', attempts: 1 },
        });
      return Math.max(...sound.map((id) => foldOf(sim, id).order!.completedAt! - T0 - 20_000));
    };
    const [alone, among] = [await run(0), await run(8)];
    // 20 orders of a second each, three at a time; the schedule of another run differs by a few.
    expect(among).toBeLessThan(alone * 1.5);
  });

  it('stay parked when another processor takes over, until they are redriven', async () => {
    let refuses = true;
    const { sim, violations, fulfilled } = processorWorld(2, { endpoint: () => (refuses ? failed : DONE) }); // with crashes
    sim.calmFrom = T0 + 30_000;
    submit(sim, 'o-1', 0);
    await sim.run(T0 + 8_000);
    expect(foldOf(sim, 'o-1').order?.parked).not.toBeNull();
    const attempts = fulfilled.get('o-1');
    await sim.run(T0 + 60_000);
    expect(foldOf(sim, 'o-1').order?.parked).not.toBeNull();
    expect(fulfilled.get('o-1')).toBe(attempts);
    refuses = false;
    sim.land(encodeOrderEvent(event('OrderRedriveRequested', 'o-1', { time: sim.clock.now() }), TOPIC));
    await sim.run(T0 + END_MS);
    expect(foldOf(sim, 'o-1').order).toMatchObject({ status: 'completed', parked: null });
    expect(violations).toEqual([]);
  });
});
