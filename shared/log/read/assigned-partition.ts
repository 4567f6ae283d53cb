// shared/log/read/assigned-partition.ts: a partition that a reader has been given: where it begins, and what a fetch of it may be and ask for.

import { AppError } from '../../runtime/app-error.ts';
import { type Assignment, type GroupOffset, type LogRecord, offsetAfter } from '../log.ts';
import { type Fetched, isOutOfRange } from '../protocol/fetch.ts';
import type { Ends } from '../topics/offsets.ts';

export interface AssignedPartition {
  partition: number;
  /** The next offset to deliver; null until it is known. */
  position: number | null;
  highWatermark: number;
  /** Since when no fetch may ask for it, by `performance.now()`: its position is being found out, or a handler's promise is pending. */
  outSince: number | null;
  /** What the group has from us; null: nothing since the partition was assigned. */
  committed: GroupOffset | null;
}

/** Its position is still to be found out. */
export const justAssigned = (partition: number): AssignedPartition => ({
  partition,
  position: null,
  highWatermark: 0,
  outSince: performance.now(),
  committed: null,
});

export interface FoundStarts {
  /** What the owner says. */
  given: ReadonlyMap<number, number>;
  committed: ReadonlyMap<number, GroupOffset>;
  ends: ReadonlyMap<number, Ends>;
}

/** Throws LOG_MISMATCH when the start lies outside of the log. Pure. */
export const assignmentOf = (topic: string, partition: number, { given, committed, ends }: FoundStarts): Assignment => {
  const { low, high } = ends.get(partition) ?? { low: 0, high: 0 };
  const startOffset = given.get(partition) ?? committed.get(partition)?.offset ?? low;
  if (startOffset < low || startOffset > high) {
    const sentence = `${topic}/${partition} is to be read from offset ${startOffset}, but the log there goes from ${low} to ${high}`;
    throw new AppError(
      'LOG_MISMATCH',
      `${sentence}: this is another log, or one that has lost something. What to do: docs/recovery.md#what-you-see.`,
    );
  }
  return { partition, startOffset, highWatermark: high, metadata: committed.get(partition)?.metadata ?? null };
};

/** Sets each partition to the start that was found for it. */
export const beginAt = (states: readonly AssignedPartition[], found: ReadonlyMap<number, Assignment>): Assignment[] =>
  states.map((state) => {
    const assignment = found.get(state.partition)!;
    state.position = assignment.startOffset;
    state.outSince = null;
    state.highWatermark = assignment.highWatermark;
    return assignment;
  });

/** Records that were not delivered yet, by partition; none where the position is not known. */
export const lagOf = (assigned: Iterable<AssignedPartition>): Map<number, number> => {
  const lags = new Map<number, number>();
  for (const { partition, position, highWatermark } of assigned) {
    if (position !== null) lags.set(partition, Math.max(highWatermark - position, 0));
  }
  return lags;
};

/** Whether the group has something else from us. */
export const isNews = (state: AssignedPartition | undefined, { offset, metadata }: GroupOffset): boolean =>
  state !== undefined && (state.committed?.offset !== offset || state.committed.metadata !== metadata);

const MAX_WAIT_MS = 500; // how long an idle broker holds a fetch open; halves what idling costs against 250
// A fetch under way cannot be widened, so one that leaves partitions out waits no longer than the latest of them has been left out:
// a freed one is asked for again after at most twice its handler's time, and a handler that hangs costs few fetches.
const WAIT_MIN_MS = 2;

/** Partition → offset to fetch from, of those that a fetch may ask for. */
export const wantedOf = (assigned: Iterable<AssignedPartition>): Map<number, number> => {
  const wanted = new Map<number, number>();
  for (const { partition, position, outSince } of assigned) if (position !== null && outSince === null) wanted.set(partition, position);
  return wanted;
};

/** How long the broker may hold a fetch open that leaves some out. */
export const fetchWaitMs = (assigned: Iterable<AssignedPartition>): number => {
  const now = performance.now();
  let wait = MAX_WAIT_MS;
  for (const { outSince } of assigned) if (outSince !== null) wait = Math.min(wait, now - outSince);
  return Math.max(Math.ceil(wait), WAIT_MIN_MS);
};

/** Whether the records follow one another from one offset up to the other, and nothing is missing in between. */
export const isUnbroken = (records: readonly LogRecord[], from: number, to: number): boolean => {
  let next = from;
  for (const record of records) {
    if (record.offset !== next) return false;
    next = offsetAfter(record);
  }
  return next === to;
};

/** Throws unless what was fetched is the very next part of the log: LOG_MISMATCH outside of it, LOG_GAP when records are missing. */
export const expectContiguous = (
  topic: string,
  { partition, position }: Pick<AssignedPartition, 'partition' | 'position'>,
  fetched: Fetched,
): void => {
  const where = `${topic}/${partition}`;
  // A high watermark below our position is none: a leader just elected learns only from its followers how far it goes, and as long
  // as too few are in sync, it does not. Beyond the end of its log a leader answers out of range.
  if (isOutOfRange(fetched)) {
    throw new AppError('LOG_MISMATCH', `Offset ${position} lies outside of ${where}: the log was cut off or replaced.`);
  }
  if (!isUnbroken(fetched.records, position!, fetched.nextOffset)) {
    throw new AppError('LOG_GAP', `Records are missing in ${where} between ${position} and ${fetched.nextOffset}.`);
  }
};
