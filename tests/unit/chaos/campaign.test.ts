// A chaos campaign without a world: which faults it chooses, and what it makes of those that are not undone.

import { describe, expect, it } from 'vitest';
import { type Injected, runCampaign } from '../../chaos/campaign.ts';
import type { Fault } from '../../chaos/fault.ts';
import { FAULTS } from '../../chaos/faults/registry.ts';
import type { World } from '../../chaos/world.ts';
import { seeded } from '../../oracle/random.ts';

const FAULTS_COMPARED = 20;

const world = {} as World;
const run = (faults: readonly Fault[], options: { seed: number; durationMs: number; signal?: AbortSignal; each?: boolean }) =>
  runCampaign({
    world,
    faults,
    random: seeded(options.seed),
    durationMs: options.durationMs,
    each: options.each,
    gapMs: { from: 1, below: 3 },
    signal: options.signal ?? new AbortController().signal,
    say: () => {},
  });

describe('a chaos campaign', () => {
  it('repeats its faults, and the choices inside them, for the same seed', async () => {
    const choices = async () => {
      const made: string[] = [];
      const enough = new AbortController();
      const faults = ['a', 'b', 'c'].map((name, weight) => ({
        name,
        weight,
        inject: async (_: World, random: { below: (n: number) => number }) => {
          made.push(`${name}${random.below(100)}`);
          if (made.length === FAULTS_COMPARED) enough.abort();
        },
      }));
      await expect(run(faults, { seed: 7, durationMs: 60_000, signal: enough.signal })).rejects.toThrow('aborted');
      return made;
    };
    const [first, second] = [await choices(), await choices()];
    expect(first).toHaveLength(FAULTS_COMPARED);
    expect(first).toEqual(second);
    expect(first.join()).not.toMatch('a'); // weight 0
  });

  it('never has more than two at once', async () => {
    let [atOnce, most] = [0, 0];
    const slow: Fault = {
      name: 'slow',
      weight: 1,
      inject: async () => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        await new Promise((resolve) => setTimeout(resolve, 20));
        atOnce -= 1;
      },
    };
    // On a slow machine a campaign of 200 ms may be over before its second fault.
    for (let durationMs = 200; most < 2 && durationMs < 20_000; durationMs *= 2) await run([slow], { seed: 7, durationMs });
    expect(most).toBe(2);
    expect(atOnce).toBe(0);
  });

  it('breaks nothing else while a fault wants to be alone', async () => {
    let atOnce = 0;
    const met: number[] = [];
    const lasting = (name: string, alone: object): Fault => ({
      name,
      weight: 1,
      ...alone,
      inject: async () => {
        atOnce += 1;
        if ('alone' in alone) met.push(atOnce);
        await new Promise((resolve) => setTimeout(resolve, 20));
        if ('alone' in alone) met.push(atOnce);
        atOnce -= 1;
      },
    });
    const faults = [lasting('usual', {}), lasting('other', {}), lasting('alone', { alone: true })];
    for (let durationMs = 400; met.length < 4 && durationMs < 40_000; durationMs *= 2) await run(faults, { seed: 7, durationMs });
    expect(met.length).toBeGreaterThanOrEqual(4);
    expect(new Set(met)).toEqual(new Set([1]));
  });

  it('has every fault once before chance chooses, when it is asked to', async () => {
    const faults: Fault[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, weight: name === 'a' ? 1_000_000 : 1, inject: async () => {} }));
    const orderOf = async (seed: number) => (await run(faults, { seed, durationMs: 1, each: true })).map(({ name }) => name).join('');
    const orders = await Promise.all([1, 2, 3, 4].map(orderOf));
    expect(orders.map((order) => [...order].sort().join(''))).toEqual(['abcd', 'abcd', 'abcd', 'abcd']);
    expect(new Set(orders).size).toBeGreaterThan(1);
    expect(await orderOf(1)).toBe(orders[0]);
  });

  it('says what did not come back, and goes on', async () => {
    const broken: Fault = { name: 'broken', weight: 1, inject: () => Promise.reject(new Error('still down')) };
    let injected: Injected[] = [];
    // On a slow machine one campaign of 50 ms may be over before its second fault.
    for (let durationMs = 50; injected.length < 2; durationMs *= 2) injected = await run([broken], { seed: 7, durationMs });
    expect(injected.every(({ error }) => error === 'still down')).toBe(true);
  });

  it('ends when it is interrupted', async () => {
    const interrupted = new AbortController();
    const running = run([], { seed: 7, durationMs: 60_000, signal: interrupted.signal }).catch((error: Error) => error.name);
    interrupted.abort();
    expect(await running).toBe('AbortError');
  });

  it('has faults with names of their own', () => {
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
    expect(FAULTS.every(({ weight }) => weight > 0)).toBe(true);
  });
});
