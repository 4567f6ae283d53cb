// projector/restore/partition-of-log.ts: one partition of the log on Kafka, to be read and appended to by restore-partition.ts.

import { setTimeout as delay } from 'node:timers/promises';
import { createSender } from '../../shared/log/append/sender.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import type { LogRecord } from '../../shared/log/log.ts';
import { readRange } from '../../shared/log/read/read-range.ts';
import { logEnd } from '../../shared/log/topics/offsets.ts';
import { createExactAppender, type ExactAppender } from './append-exactly.ts';
import type { RestorePartitionOptions } from './restore-partition.ts';

export interface PartitionOfLogOptions {
  client: LogClient;
  topic: string;
  partition: number;
  /** Where it ends now. */
  end: number;
  signal: AbortSignal;
}

export const logReader =
  ({ client, topic, partition, end, signal }: PartitionOfLogOptions): RestorePartitionOptions['readLog'] =>
  async (from, handle) => {
    const enough = new AbortController();
    const reading = readRange({
      client,
      topic,
      from: new Map([[partition, from]]),
      to: new Map([[partition, end]]),
      onRecords: async (_, records) => {
        if (!(await handle(records))) enough.abort();
      },
      signal: AbortSignal.any([enough.signal, signal]),
    });
    await reading.catch((error: unknown) => {
      if (!enough.signal.aborted || signal.aborted) throw error;
    });
  };

export const logAppender = ({ client, topic, partition, end }: PartitionOfLogOptions): ExactAppender => {
  const readFrom = async (offset: number): Promise<LogRecord[]> => {
    const records: LogRecord[] = [];
    const high = (await logEnd(client, topic)).get(partition)?.high ?? offset;
    const onRecords = (_: number, some: LogRecord[]): void => void records.push(...some);
    await readRange({ client, topic, from: new Map([[partition, offset]]), to: new Map([[partition, high]]), onRecords });
    return records;
  };
  return createExactAppender({
    topic,
    partition,
    end,
    openSender: () => createSender(client),
    readFrom,
    pause: (ms) => delay(ms),
    now: () => performance.now(),
  });
};

/** Says where records would stand, and appends nothing. */
export const dryAppender = ({ end }: Pick<PartitionOfLogOptions, 'end'>): ExactAppender => {
  let next = end;
  return {
    append: async (records) => records.map(() => next++),
    others: () => 0,
    stop: () => {},
  };
};
