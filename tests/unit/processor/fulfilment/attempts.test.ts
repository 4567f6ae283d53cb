// Attempts at fulfilment.
// How often, how far apart, how many at once, and what an outage of the endpoint does to them. On a simulated clock; the endpoint is a
// function of the order and the time.

import { describe, expect, it } from 'vitest';
import { createFulfilmentAttempts, type FulfilmentAttemptsOptions } from '../../../../processor/fulfilment/attempts.ts';
import type { CircuitState } from '../../../../processor/fulfilment/circuit-breaker.ts';
import { type Attempt, DONE, type Fulfilled, type RetryLater } from '../../../../processor/fulfilment/fulfilment.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { simulate } from '../../../simulation/kernel/simulation.ts';
import { created } from '../../../support/builders/order-events.ts';

const HOUR_MS = 3_600_000;
const orderOf = (id: string): Order => evolve(null, created(id)).order!;
const later = (blames: RetryLater['blames'], afterMs = 0): RetryLater => ({
  outcome: 'retry',
  failure: { code: 'FULFILMENT_FAILED', detail: 'no' },
  blames,
  afterMs,
});

interface Made {
  id: string;
  at: number;
}

/** The endpoint answers after 10 ms what `answer` says; what was asked, and how each order ended, is written down. */
const world = (answer: (id: string, now: number) => Awaited<ReturnType<Attempt>>, overrides: Partial<FulfilmentAttemptsOptions> = {}) => {
  const sim = simulate(overrides.attemptsMax ?? 7, { calmFrom: 0 });
  const made: Made[] = [];
  const circuit: CircuitState[] = [];
  const outcomes: string[] = [];
  const ended = new Map<string, Fulfilled & { at: number }>();
  let atOnce = 0;
  let mostAtOnce = 0;
  const attempt: Attempt = (order) => {
    made.push({ id: order.orderId, at: sim.now() });
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    return new Promise((resolve) =>
      sim.after(10, () => {
        atOnce -= 1;
        resolve(answer(order.orderId, sim.now()));
      }),
    );
  };
  const fulfil = createFulfilmentAttempts({
    attempt,
    attemptsMax: 5,
    concurrency: 4,
    backOff: { minMs: 100, maxMs: 1_000 },
    clock: systemClock,
    random: sim.random,
    onAttempt: (outcome) => outcomes.push(outcome),
    onCircuit: (state) => circuit.push(state),
    ...overrides,
  });
  const begin = (id: string, afterMs = 0, isWanted = () => true): void =>
    void sim.after(afterMs, () => void fulfil(orderOf(id), isWanted).then((end) => ended.set(id, { ...end, at: sim.now() })));
  const of = (id: string): number[] => made.filter((each) => each.id === id).map(({ at }) => at);
  return { begin, made, of, ended, circuit, outcomes, mostAtOnce: () => mostAtOnce, run: sim.run };
};

describe('one order', () => {
  it('is tried again until it is done', async () => {
    const { begin, of, ended, outcomes, run } = world((_, now) => (now < 200 ? later('order') : DONE));
    begin('a');
    await run(HOUR_MS);
    expect(ended.get('a')).toMatchObject({ outcome: 'done' });
    expect(of('a').length).toBeGreaterThan(1);
    expect(outcomes).toEqual([...Array(of('a').length - 1).fill('FULFILMENT_FAILED'), 'done']);
  });

  it('waits anything up to a ceiling that doubles, and never more than the longest wait', async () => {
    const waits: number[][] = [[], [], [], [], [], []];
    const { begin, of, run } = world(() => later('answer'), { attemptsMax: 7 });
    const ids = Array.from({ length: 200 }, (_, i) => `o-${i}`);
    ids.forEach((id, i) => void begin(id, i * 20_000));
    await run(HOUR_MS * 2);
    for (const id of ids) {
      const at = of(id);
      expect(at).toHaveLength(7);
      at.slice(1).forEach((time, i) => void waits[i]!.push(time - at[i]! - 10));
    }
    const ceilings = [100, 200, 400, 800, 1_000, 1_000];
    for (const [i, ceiling] of ceilings.entries()) {
      expect(Math.min(...waits[i]!)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...waits[i]!)).toBeLessThanOrEqual(ceiling);
      // Full jitter: all of the range is used.
      expect(Math.min(...waits[i]!), `shortest of ${ceiling}`).toBeLessThan(ceiling * 0.1);
      expect(Math.max(...waits[i]!), `longest of ${ceiling}`).toBeGreaterThan(ceiling * 0.9);
    }
  });

  it('waits as long as the endpoint asks, but not above the longest wait', async () => {
    for (const [asked, least] of [
      [600, 600],
      [60_000, 1_000],
    ] as const) {
      const { begin, of, run } = world((_, now) => (now < 50 ? later('answer', asked) : DONE));
      begin('a');
      await run(HOUR_MS);
      const [first, second] = of('a');
      expect(second! - first! - 10).toBe(least);
    }
  });

  it('is given up at once when the endpoint refuses it for good', async () => {
    const { begin, of, ended, run } = world(() => ({ outcome: 'failed', failure: { code: 'FULFILMENT_REFUSED', detail: 'no' } }));
    begin('a');
    await run(HOUR_MS);
    expect(ended.get('a')).toMatchObject({ outcome: 'failed', attempts: 1, failure: { code: 'FULFILMENT_REFUSED' } });
    expect(of('a')).toEqual([0]);
  });

  it('is given up when its attempts are used up, however they fail', async () => {
    for (const blames of ['answer', 'order'] as const) {
      const { begin, of, ended, run } = world(() => later(blames));
      begin('a');
      await run(HOUR_MS);
      expect([blames, ended.get('a')]).toMatchObject([blames, { outcome: 'failed', attempts: 5 }]);
      expect(of('a')).toHaveLength(5);
    }
  });

  it('is not tried again once it is not wanted any more', async () => {
    let wanted = true;
    const { begin, of, ended, run } = world(() => later('order'), { backOff: { minMs: 10_000, maxMs: 10_000 } });
    begin('a', 0, () => wanted);
    await run(15); // the first attempt has failed, the second is due some time
    wanted = false;
    await run(HOUR_MS);
    expect(of('a')).toHaveLength(1);
    expect(ended.get('a')).toMatchObject({ outcome: 'unwanted' });
  });
});

describe('many orders', () => {
  it('are tried at most this many at once, in the order in which they came', async () => {
    const { begin, made, mostAtOnce, ended, run } = world(() => DONE);
    const ids = Array.from({ length: 40 }, (_, i) => `o-${i}`);
    for (const id of ids) begin(id);
    await run(HOUR_MS);
    expect(mostAtOnce()).toBe(4);
    expect(made.map(({ id }) => id)).toEqual(ids);
    expect(ended.size).toBe(40);
  });

  it('are not held up by one that fails whenever it is tried: the circuit stays closed', async () => {
    const { begin, ended, circuit, run } = world((id) => (id === 'poison' ? later('order') : DONE));
    begin('poison');
    for (let i = 0; i < 20; i += 1) begin(`o-${i}`, 2_000 + i * 100); // after the poison has failed alone for a while
    await run(HOUR_MS);
    expect(circuit).toEqual([]);
    expect(ended.get('poison')).toMatchObject({ outcome: 'failed', attempts: 5 });
    for (let i = 0; i < 20; i += 1) expect(ended.get(`o-${i}`)).toMatchObject({ outcome: 'done', at: 2_000 + i * 100 + 10 });
  });
});

describe('while the endpoint is down', () => {
  const OUTAGE_MS = 600_000;

  it('one attempt goes at a time, further and further apart, no order uses up its attempts, and all are done when it is back', async () => {
    const { begin, made, ended, circuit, run } = world((_, now) => (now < OUTAGE_MS ? later('endpoint') : DONE));
    for (let i = 0; i < 50; i += 1) begin(`o-${i}`);
    await run(HOUR_MS);
    expect([...ended.values()].filter(({ outcome }) => outcome === 'done')).toHaveLength(50);
    const during = made.filter(({ at }) => at < OUTAGE_MS).map(({ at }) => at);
    // 5 open it, those on their way with them fail too; then probes, 1 s to 10 s apart.
    const probes = during.slice(5 + 3);
    expect(probes.length).toBeGreaterThan(OUTAGE_MS / 10_000 - 1);
    expect(probes.length).toBeLessThan(OUTAGE_MS / 5_000 + 6);
    for (const [i, at] of probes.slice(1).entries()) expect(at - probes[i]!).toBeGreaterThanOrEqual(500);
    expect(circuit.slice(0, 3)).toEqual(['open', 'half_open', 'open']);
    expect(circuit.slice(-2)).toEqual(['half_open', 'closed']);
    expect(circuit.filter((state) => state === 'closed')).toHaveLength(1);
    const back = Math.max(...[...ended.values()].map(({ at }) => at));
    expect(back).toBeLessThan(OUTAGE_MS + 10_000 + 2_000);
  });

  it('one order alone waits for it too, where no order can be the cause', async () => {
    const { begin, ended, circuit, run } = world((_, now) => (now < OUTAGE_MS ? later('endpoint') : DONE), { attemptsMax: 6 });
    begin('a');
    await run(HOUR_MS);
    expect(ended.get('a')).toMatchObject({ outcome: 'done' });
    expect(circuit[0]).toBe('open');
  });

  it('an order that is not wanted any more is let go, and new ones wait with the others', async () => {
    let wanted = true;
    const { begin, of, ended, run } = world((_, now) => (now < OUTAGE_MS ? later('endpoint') : DONE));
    for (let i = 0; i < 8; i += 1) begin(`o-${i}`);
    begin('cancelled', 20_000, () => wanted);
    begin('late', 21_000);
    await run(22_000);
    wanted = false;
    await run(22_000 + 31_000);
    expect(ended.get('cancelled')).toMatchObject({ outcome: 'unwanted' });
    await run(HOUR_MS);
    expect(of('cancelled')).toEqual([]);
    expect(ended.get('late')).toMatchObject({ outcome: 'done' });
  });

  it('orders that fail by themselves are given up in the end, though nothing else comes', async () => {
    const { begin, ended, circuit, run } = world(() => later('order'));
    for (let i = 0; i < 3; i += 1) begin(`o-${i}`);
    await run(HOUR_MS);
    expect(circuit[0]).toBe('open');
    for (let i = 0; i < 3; i += 1) expect(ended.get(`o-${i}`)).toMatchObject({ outcome: 'failed', attempts: 5 });
  });
});
