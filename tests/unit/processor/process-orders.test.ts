// Goal: whatever the log does to appends and however often the processor dies, every order ends, every request has an
// answer, and no order is fulfilled that the log does not show in processing. Method: the real shell on a simulated log with
// crashes, ambiguous appends and late twins, many seeds; a failing seed is in the test's message and replays alone.

import { describe, expect, it } from 'vitest';
import { createTailPartition, fold } from '../../../api/tail-memory.ts';
import { decodeOrderEvent, encodeOrderEvent } from '../../../shared/log/order-codec.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import { checkAtRest, END_MS, foldOf, processorWorld, TOPIC } from '../../simulation/single-role/processor-world.ts';
import type { Simulation } from '../../simulation/single-role/simulation.ts';
import { created, event, T0 } from '../../support/builders/order-events.ts';

const submitOrders = (sim: Simulation, count: number): string[] =>
  Array.from({ length: count }, (_, i) => {
    const id = `o-${i}`;
    const origin = (['server', 'key', 'client', 'batch'] as const)[i % 4]!;
    const at = sim.between(0, 5) * 4000 + sim.between(0, 40); // in bursts, so that orders are in one another's way
    sim.clock.after(at, () => {
      const record = encodeOrderEvent(created(id, { id_origin: origin }, { time: sim.clock.now() }), TOPIC);
      sim.land(record);
      if (sim.chance(0.4)) sim.clock.after(sim.between(1, sim.chance(0.5) ? 500 : 25_000), () => sim.land(record)); // its late twin
    });
    if (origin !== 'server' && sim.chance(0.5)) {
      // The same key or id submitted again: another event, another time.
      sim.clock.after(at + sim.between(1, 25_000), () =>
        sim.land(encodeOrderEvent(created(id, { id_origin: origin }, { time: sim.clock.now() }), TOPIC)),
      );
    }
    for (let r = sim.between(0, 2); r > 0; r -= 1) {
      const name = (['OrderCancellationRequested', 'OrderStatusChangeRequested', 'OrderAmendmentRequested'] as const)[sim.between(0, 2)]!;
      sim.clock.after(at + sim.between(5, sim.chance(0.7) ? 4000 : 28_000), () => {
        const record = encodeOrderEvent(event(name, id, { time: sim.clock.now() }), TOPIC);
        sim.land(record);
        if (sim.chance(0.2)) sim.clock.after(sim.between(1, 3000), () => sim.land(record));
      });
    }
    return id;
  });

/** What an api that reads the log from its beginning is told about each request. */
const heardByAnApi = (sim: Simulation): Map<string, OrderEvent[]> => {
  const heard = new Map<string, OrderEvent[]>();
  sim.log.forEach((records, partition) => {
    const memory = createTailPartition(partition, 0, 0, []);
    for (const record of records) {
      const decoded = decodeOrderEvent(record);
      const folded = fold(memory, decoded.ok ? decoded.event : null, new Map());
      if (!decoded.ok || decoded.event.causationId === null || (folded?.effect !== 'applied' && folded?.effect !== 'refusal')) continue;
      heard.set(decoded.event.causationId, [...(heard.get(decoded.event.causationId) ?? []), decoded.event]);
    }
  });
  return heard;
};

describe('the processor on a log that loses, doubles and delays', () => {
  it('ends every order once and answers every request once, over crashes and late twins', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const { sim, violations } = processorWorld(seed);
      const ids = submitOrders(sim, 20);
      await sim.run(T0 + END_MS);
      expect({ seed, violations: [...violations, ...checkAtRest(sim, ids)] }).toEqual({ seed, violations: [] });
    }
  });

  it('gives a request that an old and a new owner answer one answer, the first effective one in the log (R2)', async () => {
    let answeredTwice = 0;
    for (let seed = 2; seed <= 60; seed += 2) {
      const { sim, violations } = processorWorld(seed, { zombies: true });
      const ids = submitOrders(sim, 20);
      await sim.run(T0 + END_MS);
      expect({ seed, violations: [...violations, ...checkAtRest(sim, ids)] }).toEqual({ seed, violations: [] });
      const heard = heardByAnApi(sim);
      for (const id of ids) {
        const { effects } = foldOf(sim, id);
        for (const requestId of new Set(effects.filter(([, effect]) => effect === 'request').map(([request]) => request.id))) {
          const answers = effects.filter(([answer]) => answer.causationId === requestId);
          const first = answers.find(([, effect]) => effect !== 'void')!;
          expect(heard.get(requestId), `seed ${seed}, request ${requestId}`).toEqual([first[0]]);
          if (new Set(answers.map(([answer]) => answer.id)).size > 1) answeredTwice += 1;
        }
      }
    }
    expect(answeredTwice).toBeGreaterThan(20); // else the schedules show nothing
  });

  it('refuses a request for an order that it does not know once', async () => {
    const { sim } = processorWorld(7);
    sim.calmFrom = T0;
    sim.land(encodeOrderEvent(event('OrderCancellationRequested', 'nobody', { time: T0 }), TOPIC));
    await sim.run(T0 + END_MS / 2);
    expect(foldOf(sim, 'nobody').effects.map(([{ name }, effect]) => [name, effect])).toEqual([
      ['OrderCancellationRequested', 'request'],
      ['OrderRequestRefused', 'refusal'],
    ]);
  });

  it('holds no more orders in processing than its places, and starts the others as places come free', async () => {
    const { sim, violations, fulfilled } = processorWorld(7);
    sim.calmFrom = T0;
    for (let i = 0; i < 20; i += 1) sim.land(encodeOrderEvent(created(`s-${i}`, {}, { time: T0 }), TOPIC));
    let most = 0;
    const watch = (): void => {
      const open = Array.from({ length: 20 }, (_, i) => foldOf(sim, `s-${i}`).order?.status).filter((status) => status === 'processing');
      most = Math.max(most, open.length);
      sim.clock.after(10, watch);
    };
    watch();
    await sim.run(T0 + END_MS / 2);
    expect(violations).toEqual([]);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    expect(fulfilled.size).toBe(20);
  });
});
