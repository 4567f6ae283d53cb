// tests/chaos/campaign.ts: faults one after the other, and now and then two at once, chosen from a seed.

import { setTimeout as delay } from 'node:timers/promises';
import { type Random, seeded } from '../oracle/random.ts';
import { patience } from '../support/machine.ts';
import type { Fault } from './fault.ts';
import type { World } from './world.ts';

export interface Injected {
  name: string;
  /** Since the campaign began. */
  atMs: number;
  tookMs: number;
  /** What it hit did not come back. */
  error: string | null;
}

export interface CampaignOptions {
  world: World;
  faults: readonly Fault[];
  random: Random;
  durationMs: number;
  /** Every fault once, in random order, before chance chooses; the campaign lasts until all of them have come. */
  each?: boolean;
  /** From the beginning of one fault to the next. */
  gapMs?: { from: number; below: number };
  signal: AbortSignal;
  say: (sentence: string) => void;
}

// 5 s on average: a loss that is repaired takes a minute by itself, and ten minutes have sixty faults all the same.
const GAP_MS = { from: 3_000, below: 4_000 };
// More at once would leave nobody to recover; two find what one cannot.
const AT_ONCE_MAX = 2;
// On a quiet machine, and longer than any fault lasts there; what has not recovered by then will not.
const FAULT_LIMIT_MS = 180_000;

/** Resolves when every fault is undone, after `durationMs` and as long as the last ones need. */
export const runCampaign = async (options: CampaignOptions): Promise<Injected[]> => {
  const { world, faults, random, durationMs, gapMs: gap = GAP_MS, signal, say } = options;
  const startedAt = performance.now();
  const elapsed = (): number => Math.round(performance.now() - startedAt);
  const injected: Injected[] = [];
  const running = new Set<Promise<void>>();

  const inject = async (fault: Fault, own: Random): Promise<void> => {
    const atMs = elapsed();
    say(fault.name);
    const error = await within(patience(FAULT_LIMIT_MS), fault.inject(world, own)).then(
      () => null,
      (reason: Error) => reason.message.split('\n')[0]!, // the rest is the end of a log that is kept anyway
    );
    if (error !== null && !signal.aborted) say(`${fault.name}: ${error}`);
    injected.push({ name: fault.name, atMs, tookMs: elapsed() - atMs, error });
  };

  const first = options.each === true ? shuffled(faults, random) : [];
  for (;;) {
    const gapMs = gap.from + random.below(gap.below);
    if (elapsed() + gapMs >= durationMs && first.length === 0) break;
    await delay(gapMs, undefined, { signal });
    const fault = first.pop() ?? random.weighted(faults);
    if (fault.alone === true) await Promise.all(running);
    if (running.size >= AT_ONCE_MAX) await Promise.race(running);
    // Each with choices of its own, so that two at once do not change each other's.
    const own = seeded(random.below(2 ** 31));
    const one = inject(fault, own).finally(() => running.delete(one));
    running.add(one);
    if (fault.alone === true) await one;
  }
  await Promise.all(running);
  await delay(Math.max(durationMs - elapsed(), 0), undefined, { signal });
  return injected;
};

/** In an order that the seed repeats. */
const shuffled = (faults: readonly Fault[], random: Random): Fault[] => {
  const drawn = faults.map((fault) => ({ fault, at: random.next() }));
  return drawn.sort((a, b) => a.at - b.at).map(({ fault }) => fault);
};

const within = async (limitMs: number, work: Promise<void>): Promise<void> => {
  const over = new AbortController();
  const limit = delay(limitMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`not undone after ${limitMs / 1_000} s`);
  });
  await Promise.race([work, limit.catch((error: Error) => (over.signal.aborted ? undefined : Promise.reject(error)))]).finally(() =>
    over.abort(),
  );
};
