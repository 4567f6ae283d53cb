// tests/simulation/rebalances.ts: partitions that are taken from their owner and come back to it while its commits are under way.
// The answer of a commit then comes in the second ownership: with another owner in between or none, after milliseconds or seconds.

import type { World } from './world.ts';

// The members are slow since before their partitions go, so that some of their transactions are under way then.
const SLOW_BEFORE_MS = [1, 300] as const;
const BACK_SOON_MS = [1, 60] as const;
const BACK_LATER_MS = [60, 500] as const;

export const sendRebalances = ({ sim, groups, database }: World, everyMs: number): void => {
  const takeAway = (): void => {
    const group = sim.pick([...Object.values(groups), groups.projector]); // most of what they do is commits
    const to = sim.chance(0.8) ? 'others' : 'nobody';
    const inMs = sim.between(...SLOW_BEFORE_MS);
    const backAfterMs = sim.chance(0.3) ? sim.between(...BACK_SOON_MS) : sim.between(...BACK_LATER_MS);
    const slowForMs = inMs + (sim.chance(0.3) ? backAfterMs : 0);
    for (const process of group.processes()) database.slowUntil.set(process, sim.now() + slowForMs);
    sim.trace(() => `partitions go to ${to} in ${inMs} ms, and come back ${backAfterMs} ms later`);
    sim.after(inMs, () => group.moveAndReturn(to, backAfterMs), null);
  };
  const next = (): void => {
    if (sim.now() >= sim.calmFrom) return;
    takeAway();
    sim.after(sim.between(1, 2 * everyMs), next);
  };
  sim.after(sim.between(1, 2 * everyMs), next);
};
