// shared/log/read/start-offsets.ts: where a reader begins in the partitions that it was just given, checked against the log.

import { AppError } from '../../runtime/app-error.ts';
import type { LogClient } from '../connect/client.ts';
import { createLogOutage } from '../connect/log-outage.ts';
import type { Assignment, GroupOffset, ReaderHandlers } from '../log.ts';
import { logEnd } from '../topics/offsets.ts';
import { assignmentOf } from './assigned-partition.ts';

const START_RETRY_MS = 500;
const START_MAX_MS = 60_000; // an assignment whose start cannot be found out for this long is better given to another process

export interface StartOffsetsOptions {
  client: LogClient;
  topic: string;
  groupId: string;
  /** Nothing is committed for the group. */
  soleMember: boolean;
  startOffsets: ReaderHandlers['startOffsets'];
}

/**
 * Resolves with the start of each partition: what the owner says, else what the group has committed, else the beginning; null once
 * `isWanted` is false. Rejects with LOG_MISMATCH when a start lies outside of the log, and LOG_UNAVAILABLE after 60 s.
 */
export type FindStarts = (partitions: number[], isWanted: () => boolean) => Promise<Map<number, Assignment> | null>;

export const createStartFinder = ({ client, topic, groupId, soleMember, startOffsets }: StartOffsetsOptions): FindStarts => {
  const outage = createLogOutage(client.logger, `finding out where to read the topic ${topic}`);

  const findOnce = async (partitions: number[]): Promise<Map<number, Assignment>> => {
    const given = (await startOffsets?.(partitions)) ?? new Map<number, number>();
    const committed = soleMember ? new Map<number, GroupOffset>() : await committedOffsets(client, groupId, topic);
    const ends = await logEnd(client, topic); // after the start offsets, which may have moved with the log until just now
    return new Map(partitions.map((partition) => [partition, assignmentOf(topic, partition, { given, committed, ends })]));
  };

  return async (partitions, isWanted) => {
    for (const deadline = performance.now() + START_MAX_MS; isWanted(); await pause()) {
      try {
        const found = await findOnce(partitions);
        outage.over();
        return found;
      } catch (error) {
        if (error instanceof AppError && !error.retryable) throw error;
        if (performance.now() > deadline)
          throw new AppError('LOG_UNAVAILABLE', `The start offsets of ${topic} could not be found out.`, error);
        outage.failed(error);
      }
    }
    return null;
  };
};

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, START_RETRY_MS));

/** The offsets that a group has committed in a topic, by partition; none where it has not. */
export const committedOffsets = (client: LogClient, groupId: string, topic: string): Promise<Map<number, GroupOffset>> =>
  client.withAdmin(async (admin) => {
    const committed = await admin.fetchOffsets({ groupId, topics: [topic] });
    const entries = committed.flatMap(({ partitions }) => partitions).filter(({ offset }) => Number(offset) >= 0);
    return new Map(
      entries.map(({ partition, offset, metadata }) => [partition, { offset: Number(offset), ...(metadata ? { metadata } : {}) }]),
    );
  });
