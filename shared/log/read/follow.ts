// shared/log/read/follow.ts: reads a topic from given offsets on until it is stopped, without a consumer group.
// For tools that wait for records to come.

import { AppError } from '../../runtime/app-error.ts';
import type { LogClient } from '../connect/client.ts';
import type { LogRecord } from '../log.ts';
import { type Fetched, isOutOfRange } from '../protocol/fetch.ts';
import { isUnbroken } from './assigned-partition.ts';
import { createFetchLoop } from './fetch-loop.ts';

export interface FollowOptions {
  client: LogClient;
  topic: string;
  /** Partition → first offset. Others are not read. */
  from: ReadonlyMap<number, number>;
  /** In order and without gaps, per partition. What it throws ends the reading. */
  onRecords: (partition: number, records: LogRecord[]) => void;
  /** LOG_GAP, or what `onRecords` threw. Brokers that are away are waited for. */
  onFatal: (error: Error) => void;
}

const LIMITS = { maxWaitMs: 250, maxBytes: 2_000_000, maxBytesPerPartition: 1_000_000 };

export const followLog = ({ client, topic, from, onRecords, onFatal }: FollowOptions): { stop: () => void } => {
  const positions = new Map(from);
  const deliver = (fetched: Fetched): void => {
    const { partition, fromOffset, nextOffset, records } = fetched;
    if (positions.get(partition) !== fromOffset) return;
    if (isOutOfRange(fetched) || !isUnbroken(records, fromOffset, nextOffset)) {
      throw new AppError('LOG_GAP', `${topic}/${partition} does not have the records from offset ${fromOffset} on.`);
    }
    positions.set(partition, nextOffset);
    if (records.length > 0) onRecords(partition, records);
  };
  const loop = createFetchLoop({
    client,
    topic,
    limits: () => LIMITS,
    minGapMs: 0,
    demand: () => positions,
    deliver: (fetched) => {
      try {
        deliver(fetched);
      } catch (error) {
        loop.stop();
        onFatal(error as Error);
      }
    },
    onFatal,
  });
  loop.start();
  return { stop: loop.stop };
};
