// tests/support/faults/goodput.ts: how long what a user would notice stood still: orders acknowledged, orders in the read model, orders
// completed. For tests that state how fast the service recovers.

import type { Load } from './load.ts';

export interface Stalls {
  /** The longest time in which no order was acknowledged. */
  acknowledgedMs: number;
  /** … in which the read model got no order. */
  recordedMs: number;
  completedMs: number;
}

const SAMPLE_MS = 100;

/** Watches from now on; `stop` says what it saw. What stands still when it stops counts too. */
export const watchGoodput = (load: Pick<Load, 'accepted'>, api: string): { stop: () => Stalls } => {
  const acknowledged = createStall();
  const recorded = createStall();
  const completed = createStall();
  let asking = false;
  const sample = async (): Promise<void> => {
    acknowledged.see(load.accepted());
    if (asking) return;
    asking = true;
    try {
      const response = await fetch(`${api}/orders/metrics`);
      const figures = (await response.json()) as { total_orders: number; completed_orders: number };
      if (response.ok) recorded.see(figures.total_orders);
      if (response.ok) completed.see(figures.completed_orders);
    } catch {
      // no answer is no progress
    } finally {
      asking = false;
    }
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return { acknowledgedMs: acknowledged.longest(), recordedMs: recorded.longest(), completedMs: completed.longest() };
    },
  };
};

const createStall = () => {
  let last = -1;
  let since = performance.now();
  let longest = 0;
  const longestSoFar = (): number => Math.round(Math.max(longest, performance.now() - since));
  const see = (count: number): void => {
    if (count === last) return;
    longest = longestSoFar();
    last = count;
    since = performance.now();
  };
  return { see, longest: longestSoFar };
};

export const describeStalls = (stalls: Stalls): string => {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  return `longest pause: acknowledging ${seconds(stalls.acknowledgedMs)}, read model ${seconds(stalls.recordedMs)}, completing ${seconds(stalls.completedMs)}`;
};
