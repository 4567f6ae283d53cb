// shared/log/read/reader.ts: reads the partitions that a consumer group assigns to this process, each from an offset that is found
// out first, in order and without gaps. Joins group.ts (which partitions) and fetch-loop.ts (their records); keeps the positions.

import type { LogClient } from '../connect/client.ts';
import { createLogOutage } from '../connect/log-outage.ts';
import type { Reader, ReaderHandlers } from '../log.ts';
import type { Fetched } from '../protocol/fetch.ts';
import { type AssignedPartition, expectContiguous, fetchWaitMs, isNews, lagOf, wantedOf } from './assigned-partition.ts';
import { createAssignments } from './assignments.ts';
import { createFetchLoop } from './fetch-loop.ts';
import { createGroup } from './group.ts';
import { createStartFinder } from './start-offsets.ts';

const MAX_BYTES = 2_000_000; // some 2,600 records, 10 ms of decoding; 10 MB were no faster and left 200 MB more behind in the allocator
const MAX_BYTES_PER_PARTITION = 1_000_000;

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

/**
 * Partitions of members that fell out of the group (time-out, lost broker) are revoked and assigned again, unless `soleMember`.
 * Ends with `onFatal`: LOG_MISMATCH when a start offset or position lies outside of the log (another log, or a restored one),
 * LOG_GAP when records are missing, whatever a handler threw, and LOG_UNAVAILABLE when start offsets cannot be had for 60 s.
 */
export const createReader = ({ client, groupId, topic, handlers, minFetchGapMs, soleMember = false }: ReaderOptions): Reader => {
  const assigned = new Map<number, AssignedPartition>();
  let doubtful = false;
  let hasShare = false;
  let ended = false;
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

  const loop = createFetchLoop({
    client,
    topic,
    limits: () => ({ maxWaitMs: fetchWaitMs(assigned.values()), maxBytes: MAX_BYTES, maxBytesPerPartition: MAX_BYTES_PER_PARTITION }),
    minGapMs: minFetchGapMs,
    demand: () => (doubtful || ended ? new Map() : wantedOf(assigned.values())),
    deliver: (fetched) => guarded(() => deliver(fetched)),
    onFetched: () => {
      fetchedAt = performance.now();
    },
    onFatal: fatal,
  });

  const deliver = (fetched: Fetched): void => {
    const state = assigned.get(fetched.partition);
    if (!state || doubtful || state.outSince !== null || state.position !== fetched.fromOffset) return; // revoked, or sought elsewhere meanwhile
    expectContiguous(topic, state, fetched);
    state.highWatermark = fetched.highWatermark;
    const { records } = fetched;
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

  const assign = createAssignments({
    assigned,
    soleMember,
    handlers,
    findStarts: createStartFinder({ client, topic, groupId, soleMember, startOffsets: handlers.startOffsets?.bind(handlers) }),
    isEnded: () => ended,
    guarded,
    onChange: () => loop.wake(),
    fatal,
  });

  const group = createGroup({
    client,
    groupId,
    topic,
    onAssignment: (partitions, rejoined) =>
      guarded(() => {
        doubtful = false;
        hasShare = true;
        assign(partitions, rejoined);
      }),
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

  const commit: Reader['commit'] = async (offsets) => {
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
  };

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
    commit,
    lag: () => lagOf(assigned.values()),
    isSettled: () => hasShare && !doubtful && [...assigned.values()].every(({ position }) => position !== null),
    lastFetchAt: () => fetchedAt,
  };
};
