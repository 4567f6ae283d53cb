// processor/fulfilment/deadlines.ts: tells when a deadline has passed, of very many at once, most of which are cleared long before.
// One timer for all of them: what is cleared is forgotten at once, and not after the days that its own timer would have run.

import type { Clock } from '../../shared/runtime/clock.ts';

export interface Deadlines {
  /** Calls `onPassed` once, `waitMs` from now or up to LOOK_GAP_MS later, unless it is cleared before. One for each owner. */
  set: (owner: object, waitMs: number, onPassed: () => void) => void;
  clear: (owner: object) => void;
}

interface Deadline {
  /** Steady milliseconds: a clock that is put back or forward moves no deadline. */
  at: number;
  onPassed: () => void;
}

// Looking goes through all that are set, some milliseconds for 200,000. The deadlines are hours and days.
const LOOK_GAP_MS = 250;

export const createDeadlines = (clock: Pick<Clock, 'after'>): Deadlines => {
  const deadlines = new Map<object, Deadline>();
  /** When the next look is; infinite: nothing is set. A timer that is armed for a later look is void. */
  let nextLookAt = Infinity;

  const look = (): void => {
    nextLookAt = Infinity;
    const now = performance.now();
    let earliest = Infinity;
    const passed: Deadline[] = [];
    for (const [owner, deadline] of deadlines) {
      if (deadline.at > now) {
        earliest = Math.min(earliest, deadline.at);
        continue;
      }
      deadlines.delete(owner);
      passed.push(deadline);
    }
    lookBy(Math.max(earliest, now + LOOK_GAP_MS));
    for (const { onPassed } of passed) onPassed();
  };
  const lookBy = (at: number): void => {
    if (at >= nextLookAt) return;
    nextLookAt = at;
    clock.after(Math.ceil(at - performance.now()), () => {
      if (nextLookAt === at) look();
    });
  };

  return {
    set: (owner, waitMs, onPassed) => {
      const at = performance.now() + waitMs;
      deadlines.set(owner, { at, onPassed });
      lookBy(at);
    },
    clear: (owner) => void deadlines.delete(owner),
  };
};
