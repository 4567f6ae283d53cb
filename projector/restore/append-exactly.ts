// projector/restore/append-exactly.ts: appends records of one partition as they are, and says at which offset each of them stands.
// After any doubt it looks for them in the log before it sends them again.

import type { AppendResult, Sender } from '../../shared/log/append/sender.ts';
import type { LogRecord, RecordToAppend } from '../../shared/log/log.ts';
import { exactHeadersOf } from '../../shared/log/protocol/exact-headers.ts';
import type { PartitionBatch } from '../../shared/log/protocol/produce.ts';
import { recordBytesMax } from '../../shared/log/protocol/record-batch.ts';
import { storedBytes } from '../../shared/postgres/tables/archive-rows.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { reasonOf } from '../../shared/runtime/outage.ts';
import { sameRecord } from './digest-set.ts';

export interface ExactAppender {
  /**
   * Resolves with the offset of each record, in their order; null where the broker refuses its size. Rejects with LOG_UNAVAILABLE when
   * nothing could be appended for a minute: what is in the log then, the next run finds there.
   */
  append(records: readonly LogRecord[]): Promise<(number | null)[]>;
  /** Records that came in between: of other writers, or a second time, where a broker took what it had not confirmed after all. */
  others(): number;
  stop(): void;
}

export interface ExactAppenderOptions {
  topic: string;
  partition: number;
  /** Where the log ends. */
  end: number;
  openSender: () => Sender;
  /** What is in the log from this offset on. */
  readFrom: (offset: number) => Promise<LogRecord[]>;
  pause: (ms: number) => Promise<void>;
  now: () => number;
}

const PATIENCE_MS = 60_000; // a broker that restarts and recovers its log needs a minute
const PAUSE_MS = 500; // also what a request that was cut off has to be appended after all, before it is looked for
// A header's value of more than a megabyte has a length of one byte more than `recordBytesMax` allows for; a record has at most eight.
const SLACK_BYTES = 8;

export const createExactAppender = (options: ExactAppenderOptions): ExactAppender => {
  const { topic, partition, openSender, readFrom, pause, now } = options;
  let sender: Sender | null = null;
  let end = options.end;
  let others = 0;

  const drop = (): void => {
    sender?.destroy();
    sender = null;
  };
  const send = async (batch: PartitionBatch): Promise<AppendResult> => {
    try {
      if (sender === null) {
        sender = openSender();
        await sender.connect();
      }
    } catch (error) {
      return { kind: 'not-appended', cause: error as Error };
    }
    return (await sender.send([batch]))[0]!;
  };
  const stand = (base: number, count: number): number[] => {
    if (base < end) throw new AppError('LOG_MISMATCH', `${topic}/${partition} has lost records while it was restored: run this again.`);
    others += base - end;
    end = base + count;
    return Array.from({ length: count }, (_, index) => base + index);
  };
  /** At which offset these records stand, one after the other, at or after the end as it was; null: they do not. */
  const find = async (records: readonly LogRecord[]): Promise<number | null> => {
    const wanted = records.map(storedBytes);
    const there = (await readFrom(end)).map((record) => ({ offset: record.offset, bytes: storedBytes(record) }));
    const first = there.findIndex((_, at) =>
      wanted.every((bytes, index) => at + index < there.length && sameRecord(bytes, there[at + index]!.bytes)),
    );
    return first === -1 ? null : there[first]!.offset;
  };

  const append = async (records: readonly LogRecord[]): Promise<(number | null)[]> => {
    const batch = batchOf(topic, partition, records);
    const giveUpAt = now() + PATIENCE_MS;
    for (let isDoubtful = false; ; await pause(PAUSE_MS)) {
      const found: number | AppendResult | null = isDoubtful ? await find(records).catch(unlessRetryable) : null;
      if (typeof found === 'number') return stand(found, records.length);
      const result: AppendResult = found === null ? await send(batch) : found;
      if (result.kind === 'appended') return stand(result.baseOffset, records.length);
      if (result.kind === 'too-large') return inHalves(records);
      isDoubtful ||= result.kind !== 'not-appended';
      drop();
      if (now() < giveUpAt) continue;
      const why = `Nothing could be appended to ${topic}/${partition} for ${PATIENCE_MS / 1000} s: ${reasonOf(result.cause)}`;
      throw new AppError('LOG_UNAVAILABLE', why, result.cause);
    }
  };
  /** A topic may take smaller batches than ours. */
  const inHalves = async (records: readonly LogRecord[]): Promise<(number | null)[]> => {
    if (records.length === 1) return [null];
    const middle = Math.ceil(records.length / 2);
    return [...(await append(records.slice(0, middle))), ...(await append(records.slice(middle)))];
  };

  return { append, others: () => others, stop: drop };
};

/** The log could not be read now: nothing is known, and nothing may be sent. */
const unlessRetryable = (error: unknown): AppendResult => {
  if (error instanceof AppError && error.retryable) return { kind: 'unknown', cause: error };
  throw error;
};

const batchOf = (topic: string, partition: number, records: readonly LogRecord[]): PartitionBatch => {
  const exact = records.map(
    (record): RecordToAppend => ({
      topic,
      partition,
      key: record.key,
      value: record.value,
      headers: {},
      exactHeaders: exactHeadersOf(record),
    }),
  );
  const bytesMax = exact.reduce((sum, record) => sum + recordBytesMax(record) + SLACK_BYTES, 0);
  return { topic, partition, records: exact, bytesMax };
};
