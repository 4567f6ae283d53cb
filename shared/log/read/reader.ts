// shared/log/read/reader.ts: reads the partitions that a consumer group assigns to this process, in order and without gaps.
// Joins group.ts (which partitions), assignments.ts (from where) and delivery.ts. Never delivers while its membership is in doubt.

import type { Outage } from '../../runtime/outage.ts';
import { isOurs, type LogClient } from '../connect/client.ts';
import { createLogOutage } from '../connect/log-outage.ts';
import type { Reader, ReaderHandlers } from '../log.ts';
import { type AssignedPartition, isNews, lagOf } from './assigned-partition.ts';
import { createAssignments } from './assignments.ts';
import { createDelivery } from './delivery.ts';
import { createGroup, type Group } from './group.ts';
import { createStartFinder } from './start-offsets.ts';

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
  let fetchedAt = performance.now();

  const fatal = (error: unknown): void => {
    if (ended) return;
    ended = true;
    delivery.stop();
    handlers.onFatal(error instanceof Error ? error : new Error(String(error)));
  };
  const guarded = (step: () => void): void => {
    try {
      if (!ended) step();
    } catch (error) {
      fatal(error);
    }
  };

  const noteFetched = (): void => {
    fetchedAt = performance.now();
  };
  const isHeld = (): boolean => doubtful || ended;
  const delivery = createDelivery({ client, topic, assigned, handlers, minFetchGapMs, isHeld, onFetched: noteFetched, guarded, fatal });

  const assign = createAssignments({
    assigned,
    soleMember,
    handlers,
    findStarts: createStartFinder({ client, topic, groupId, soleMember, startOffsets: handlers.startOffsets?.bind(handlers) }),
    isEnded: () => ended,
    guarded,
    onChange: delivery.wake,
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
        assign(
          partitions.filter((partition) => isOurs(client, topic, partition)),
          rejoined,
        );
      }),
    onDoubt: () => {
      doubtful = !soleMember;
    },
    onHeartbeat: () => {
      doubtful = false;
      delivery.wake();
      if (assigned.size === 0) noteFetched(); // a stand-by has nothing to fetch
    },
    onFatal: fatal,
  });

  return {
    start: async () => {
      delivery.start();
      await group.start();
    },
    stop: async () => {
      ended = true;
      delivery.stop();
      await group.stop();
    },
    seek: delivery.seek,
    commit: createCommit(group, assigned, createLogOutage(client.logger, `committing offsets of the group ${groupId}`)),
    lag: () => lagOf(assigned.values()),
    isSettled: () => hasShare && !doubtful && [...assigned.values()].every(({ position }) => position !== null),
    lastFetchAt: () => fetchedAt,
  };
};

const createCommit =
  (group: Group, assigned: ReadonlyMap<number, AssignedPartition>, outage: Outage): Reader['commit'] =>
  async (offsets) => {
    try {
      // What the group has from us already need not be written again: an idle reader commits nothing.
      const news = new Map([...offsets].filter(([partition, offset]) => isNews(assigned.get(partition), offset)));
      const states = [...news].map(([partition, offset]) => ({ state: assigned.get(partition)!, offset }));
      if (news.size > 0) await group.commit(news);
      for (const { state, offset } of states) state.committed = offset;
      outage.over();
    } catch (error) {
      outage.failed(error);
    }
  };
