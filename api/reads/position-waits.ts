// api/reads/position-waits.ts: waits until something has passed a position of the log: the tail's reading, or the projector's checkpoint.
// Every wait is bounded.

export interface PositionWaits {
  /** True once `passed` holds, false after `limitMs`. */
  wait: (place: LogPosition, limitMs: number) => Promise<boolean>;
  /** Call whenever the partition has moved on. */
  moved: (partition: number) => void;
  /** How many are waiting. */
  size: () => number;
}

/** One record of the log. */
export interface LogPosition {
  partition: number;
  offset: number;
}

interface WaitingRead extends LogPosition {
  done: (passed: boolean) => void;
}

export const createPositionWaits = (passed: (place: LogPosition) => boolean): PositionWaits => {
  const waiting = new Map<number, Set<WaitingRead>>();
  let size = 0;

  const wait = (place: LogPosition, limitMs: number): Promise<boolean> => {
    if (passed(place)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const ofPartition = waiting.get(place.partition) ?? new Set();
      waiting.set(place.partition, ofPartition);
      const entry: WaitingRead = {
        ...place,
        done: (result) => {
          clearTimeout(timer);
          ofPartition.delete(entry);
          size -= 1;
          resolve(result);
        },
      };
      const timer = setTimeout(() => entry.done(false), limitMs);
      ofPartition.add(entry);
      size += 1;
    });
  };

  const moved = (partition: number): void => {
    for (const entry of waiting.get(partition) ?? []) if (passed(entry)) entry.done(true);
  };

  return { wait, moved, size: () => size };
};
