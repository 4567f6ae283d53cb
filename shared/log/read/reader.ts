// shared/log/read/reader.ts: reads the partitions that a consumer group assigns to this process, each from an offset that is found
// out first, in order and without gaps. Joins group.ts (which partitions) and fetch-loop.ts (their records); keeps the positions.

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../runtime/app-error.ts';
import { createLogOutage, type LogClient } from '../connect/client.ts';
import type { Assignment, GroupOffset, Reader, ReaderHandlers } from '../log.ts';
import type { Fetched } from '../protocol/fetch.ts';
import { logEnd } from '../topics/offsets.ts';
import { createFetchLoop, isOutOfRange } from './fetch-loop.ts';
import { createGroup } from './group.ts';

const MAX_WAIT_MS = 500; // how long an idle broker holds a fetch open; halves what idling costs against 250
// A fetch under way cannot be widened, so one that leaves partitions out waits no longer than the latest of them has been left out:
// a freed one is asked for again after at most twice its handler's time, and a handler that hangs costs few fetches.
const WAIT_MIN_MS = 2;
const MAX_BYTES = 2_000_000; // some 2,600 records, 10 ms of decoding; 10 MB were no faster and left 200 MB more behind in the allocator
const MAX_BYTES_PER_PARTITION = 1_000_000;
const START_RETRY_MS = 500;
const START_MAX_MS = 60_000; // an assignment whose start cannot be found out for this long is better given to another process

export interface ReaderOptions {
  client: LogClient;
  groupId: string;
  topic: string;
  handlers: ReaderHandlers;
  /** At least this long between the starts of two fetches that bring records; 0 is none. See `FetchLoopOptions.minGapMs`. */
  minFetchGapMs: number;
  /**
   * This reader is the only member its group will ever have (an id made for it alone, nothing committed): it reads all partitions,
   * and keeps its positions even if the broker forgets the group. Such a group vanishes by itself once its member has gone.
   */
  soleMember?: boolean;
}

interface Partition {
  partition: number;
  /** The next offset to deliver; null until it is known. */
  position: number | null;
  highWatermark: number;
  /** Since when no fetch may ask for it, by `performance.now()`: its position is being found out, or a handler's promise is pending. */
  outSince: number | null;
  /** What the group has from us; null: nothing since the partition was assigned. */
  committed: GroupOffset | null;
}

/**
 * Partitions of members that fell out of the group (time-out, lost broker) are revoked and assigned anew, unless `soleMember`.
 * Ends with `onFatal`: LOG_MISMATCH when a start offset or position lies outside of the log (another log, or a restored one),
 * LOG_GAP when records are missing, whatever a handler threw, and LOG_UNAVAILABLE when start offsets cannot be had for 60 s.
 */
export const createReader = ({ client, groupId, topic, handlers, minFetchGapMs, soleMember = false }: ReaderOptions): Reader => {
  const assigned = new Map<number, Partition>();
  let doubtful = false;
  let hasShare = false;
  let ended = false;
  const starts = createLogOutage(client.logger, `finding out where to read the topic ${topic}`);
  const commits = createLogOutage(client.logger, `committing offsets of the group ${groupId}`);
  let fetchedAt = performance.now();

  const fatal = (error: unknown): void => {
    if (ended) return;
    ended = true;
    loop.stop();
    handlers.onFatal(error instanceof Error ? error : new Error(String(error)));
  };
  const guarded = (step: () => void): void => {
    try {
      if (!ended) step();
    } catch (error) {
      fatal(error);
    }
  };

  const waitMs = (): number => {
    const now = performance.now();
    let wait = MAX_WAIT_MS;
    for (const { outSince } of assigned.values()) if (outSince !== null) wait = Math.min(wait, now - outSince);
    return Math.max(Math.ceil(wait), WAIT_MIN_MS);
  };

  const loop = createFetchLoop({
    client,
    topic,
    limits: () => ({ maxWaitMs: waitMs(), maxBytes: MAX_BYTES, maxBytesPerPartition: MAX_BYTES_PER_PARTITION }),
    minGapMs: minFetchGapMs,
    demand: () => {
      const wanted = new Map<number, number>();
      if (doubtful || ended) return wanted;
      for (const { partition, position, outSince } of assigned.values()) {
        if (position !== null && outSince === null) wanted.set(partition, position);
      }
      return wanted;
    },
    deliver: (fetched) => guarded(() => deliver(fetched)),
    onFetched: () => {
      fetchedAt = performance.now();
    },
    onFatal: fatal,
  });

  const deliver = (fetched: Fetched): void => {
    const state = assigned.get(fetched.partition);
    if (!state || doubtful || state.outSince !== null || state.position !== fetched.fromOffset) return; // revoked, or sought elsewhere meanwhile
    const where = `${topic}/${state.partition}`;
    // A high watermark below our position is none: a leader just elected learns only from its followers how far it goes, and as long
    // as too few are in sync, it does not. Beyond the end of its log a leader answers out of range.
    if (isOutOfRange(fetched)) {
      throw new AppError('LOG_MISMATCH', `Offset ${state.position} lies outside of ${where}: the log was cut off or replaced.`);
    }
    state.highWatermark = fetched.highWatermark;
    const { records } = fetched;
    const first = records[0]?.offset ?? fetched.nextOffset;
    if (first !== state.position || fetched.nextOffset - first !== records.length) {
      throw new AppError('LOG_GAP', `Records are missing in ${where} between ${state.position} and ${fetched.nextOffset}.`);
    }
    if (records.length === 0) return;
    state.position = fetched.nextOffset;
    const handled = handlers.onRecords(state.partition, records, state.highWatermark);
    if (!handled) return;
    state.outSince = performance.now();
    handled.then(() => {
      state.outSince = null;
      loop.wake();
    }, fatal);
  };

  // Only the latest assignment counts: a state that is no longer in the map is forgotten, whatever was being found out for it.
  const assign = (partitions: number[], rejoined: boolean): void => {
    doubtful = false;
    hasShare = true;
    const kept = (partition: number) => (rejoined || soleMember) && partitions.includes(partition);
    const revoked = [...assigned.keys()].filter((partition) => !kept(partition));
    for (const partition of revoked) assigned.delete(partition);
    if (revoked.length > 0) handlers.onRevoked(revoked);
    const fresh: Partition[] = [];
    for (const partition of partitions) {
      if (assigned.has(partition)) continue;
      const state = { partition, position: null, highWatermark: 0, outSince: performance.now(), committed: null };
      assigned.set(partition, state);
      fresh.push(state);
    }
    if (fresh.length > 0) begin(fresh).catch(fatal);
    loop.wake();
  };

  const isCurrent = (state: Partition): boolean => !ended && assigned.get(state.partition) === state;

  const begin = async (fresh: Partition[]): Promise<void> => {
    for (const deadline = performance.now() + START_MAX_MS; fresh.some(isCurrent); await delay(START_RETRY_MS)) {
      try {
        const found = await findStarts(fresh.map(({ partition }) => partition));
        starts.over();
        return guarded(() => open(fresh.filter(isCurrent), found));
      } catch (error) {
        if (error instanceof AppError && !error.retryable) throw error;
        if (performance.now() > deadline)
          throw new AppError('LOG_UNAVAILABLE', `The start offsets of ${topic} could not be found out.`, error);
        starts.failed(error);
      }
    }
  };

  const open = (states: Partition[], found: Map<number, Assignment>): void => {
    const assignments: Assignment[] = [];
    for (const state of states) {
      const assignment = found.get(state.partition)!;
      state.position = assignment.startOffset;
      state.outSince = null;
      state.highWatermark = assignment.highWatermark;
      assignments.push(assignment);
    }
    if (assignments.length > 0) handlers.onAssigned(assignments);
    loop.wake();
  };

  const findStarts = async (partitions: number[]): Promise<Map<number, Assignment>> => {
    const given = (await handlers.startOffsets?.(partitions)) ?? new Map<number, number>();
    const committed = soleMember ? new Map<number, GroupOffset>() : await committedOffsets(client, groupId, topic);
    const ends = await logEnd(client, topic); // after the start offsets, which may have moved with the log until just now
    return new Map(
      partitions.map((partition) => {
        const { low, high } = ends.get(partition) ?? { low: 0, high: 0 };
        const startOffset = given.get(partition) ?? committed.get(partition)?.offset ?? low;
        if (startOffset < low || startOffset > high) {
          const sentence = `${topic}/${partition} is to be read from offset ${startOffset}, but the log there goes from ${low} to ${high}`;
          throw new AppError('LOG_MISMATCH', `${sentence}: this is another log, or one restored from a backup.`);
        }
        return [partition, { partition, startOffset, highWatermark: high, metadata: committed.get(partition)?.metadata ?? null }];
      }),
    );
  };

  const group = createGroup({
    client,
    groupId,
    topic,
    onAssignment: (partitions, rejoined) => guarded(() => assign(partitions, rejoined)),
    onDoubt: () => {
      doubtful = !soleMember;
    },
    onHeartbeat: () => {
      doubtful = false;
      loop.wake();
      if (assigned.size === 0) fetchedAt = performance.now(); // a stand-by has nothing to fetch
    },
    onFatal: fatal,
  });

  return {
    start: async () => {
      loop.start();
      await group.start();
    },
    stop: async () => {
      ended = true;
      loop.stop();
      await group.stop();
    },
    seek: (partition, offset) => {
      const state = assigned.get(partition);
      if (!state || state.position === null) return;
      state.position = offset;
      loop.wake();
    },
    commit: async (offsets) => {
      try {
        // What the group has from us already need not be written again: an idle reader commits nothing.
        const news = new Map([...offsets].filter(([partition, offset]) => isNews(assigned.get(partition), offset)));
        const states = [...news].map(([partition, offset]) => ({ state: assigned.get(partition)!, offset }));
        if (news.size > 0) await group.commit(news);
        for (const { state, offset } of states) state.committed = offset;
        commits.over();
      } catch (error) {
        commits.failed(error);
      }
    },
    lag: () => {
      const lags = new Map<number, number>();
      for (const { partition, position, highWatermark } of assigned.values()) {
        if (position !== null) lags.set(partition, Math.max(highWatermark - position, 0));
      }
      return lags;
    },
    isSettled: () => hasShare && !doubtful && [...assigned.values()].every(({ position }) => position !== null),
    lastFetchAt: () => fetchedAt,
  };
};

const isNews = (state: Partition | undefined, { offset, metadata }: GroupOffset): boolean =>
  state !== undefined && (state.committed?.offset !== offset || state.committed.metadata !== metadata);

/** The offsets that a group has committed in a topic, by partition; none where it has not. */
export const committedOffsets = (client: LogClient, groupId: string, topic: string): Promise<Map<number, GroupOffset>> =>
  client.withAdmin(async (admin) => {
    const committed = await admin.fetchOffsets({ groupId, topics: [topic] });
    const entries = committed.flatMap(({ partitions }) => partitions).filter(({ offset }) => Number(offset) >= 0);
    return new Map(
      entries.map(({ partition, offset, metadata }) => [partition, { offset: Number(offset), ...(metadata ? { metadata } : {}) }]),
    );
  });
