// tests/simulation/kernel/schedule.ts: what will happen, next first: a binary heap by time, and by order of arrival within one time.

import type { Process } from './process.ts';

export interface Step {
  at: number;
  readonly sequence: number;
  /** Whose step it is; null: the world's. */
  readonly owner: Process | null;
  readonly callback: () => void;
  cancelled: boolean;
  /** As of Node's timers. */
  unref: () => Step;
}

export interface Schedule {
  push: (step: Step) => void;
  pop: () => Step | undefined;
}

const isBefore = (one: Step, other: Step): boolean => one.at < other.at || (one.at === other.at && one.sequence < other.sequence);

export const createSchedule = (): Schedule => {
  const heap: Step[] = [];

  const push = (step: Step): void => {
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(step, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = step;
  };
  const sink = (step: Step): void => {
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, step)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = step;
  };
  const pop = (): Step | undefined => {
    const next = heap[0];
    const last = heap.pop();
    if (heap.length > 0) sink(last!);
    return next;
  };
  return { push, pop };
};
