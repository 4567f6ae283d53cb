// ops/local-stack/processes/stop-in-order.ts: ends groups of processes one after the other, each in parallel, all within a limit.

import type { KeptProcess } from './keep-running.ts';

// The whole stack must be gone within 5 s of Ctrl-C. A group gets 3 s to itself before the next one is told to stop too;
// what is left after 4.5 s is killed: log and database survive that, it only makes the next start slower.
const GROUP_LIMIT_MS = 3_000;
const KILL_AFTER_MS = 4_500;

/** Resolves when every process has ended. */
export const stopInOrder = async (groups: readonly (readonly KeptProcess[])[]): Promise<void> => {
  const all = groups.flat();
  const killing = setTimeout(() => {
    for (const process of all) process.kill();
  }, KILL_AFTER_MS);
  for (const group of groups) await within(GROUP_LIMIT_MS, Promise.all(group.map((process) => process.stop())));
  await Promise.all(all.map((process) => process.stop()));
  clearTimeout(killing);
};

const within = async (limitMs: number, work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
};
