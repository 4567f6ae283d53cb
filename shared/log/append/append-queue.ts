// shared/log/append/append-queue.ts: the appends that wait for the next round, oldest first, bounded in number and bytes.

import { AppError } from '../../runtime/app-error.ts';
import type { Position, RecordToAppend } from '../log.ts';
import type { PartitionBatch } from '../protocol/produce.ts';

const APPEND_BATCH_MAX = 500; // bounds how long one round blocks the event loop (2 ms) and what one lost answer leaves in doubt
export const APPEND_BATCH_BYTES_MAX = 900_000; // all in one partition, a round must stay below Kafka's max.message.bytes of 1,048,588
const APPEND_QUEUE_MAX = 20_000; // about half a second at full speed: a caller that would wait longer is better refused at once
const APPEND_QUEUE_BYTES_MAX = 64_000_000;

/** A caller that waits. `since` is by `performance.now()`, `bytes` the record's `recordBytesMax`. */
export interface WaitingAppend {
  record: RecordToAppend;
  partition: number;
  bytes: number;
  since: number;
  /** An earlier round may have appended it. */
  doubtful: boolean;
  resolve: (position: Position) => void;
  reject: (error: Error) => void;
}

/** What one round sends: each batch with its callers, in the order of its records. */
export type Round = Map<PartitionBatch, WaitingAppend[]>;

export interface AppendQueue {
  isEmpty(): boolean;
  hasRoomFor(bytes: number, now: number): boolean;
  push(waiting: WaitingAppend): void;
  /** Takes the oldest, as many as one round may have: at least one, if there is one. */
  take(): Round;
  /** Returns callers of the last round to the front, in their order. */
  putBack(waiting: readonly WaitingAppend[]): void;
  /** When the oldest came; null if there is none. */
  oldest(): number | null;
  /** Forgets all that came at `until` or before: rejects with LOG_UNAVAILABLE, or with APPEND_OUTCOME_UNKNOWN those that are doubtful. */
  rejectUntil(until: number, reason: string): void;
}

/** `ageMaxMs`: there is no room behind a record that has waited for longer. */
export const createAppendQueue = ({ ageMaxMs = Number.POSITIVE_INFINITY }: { ageMaxMs?: number } = {}): AppendQueue => {
  let queue: WaitingAppend[] = [];
  let head = 0; // queue[0, head) is done: shifting a long array for every record would cost more than the record
  let queuedBytes = 0;

  const forgetDone = (): void => {
    if (head < queue.length && head < APPEND_QUEUE_MAX) return;
    queue = queue.slice(head);
    head = 0;
  };

  return {
    isEmpty: () => head === queue.length,
    hasRoomFor: (bytes, now) => {
      const oldest = queue[head]?.since ?? now;
      return queue.length - head < APPEND_QUEUE_MAX && queuedBytes + bytes <= APPEND_QUEUE_BYTES_MAX && now - oldest <= ageMaxMs;
    },
    push: (waiting) => {
      queue.push(waiting);
      queuedBytes += waiting.bytes;
    },
    take: () => {
      const round = new Map<string, { batch: PartitionBatch; callers: WaitingAppend[] }>();
      let bytes = 0;
      for (let taken = 0; head < queue.length && taken < APPEND_BATCH_MAX; taken++) {
        const next = queue[head]!;
        if (bytes + next.bytes > APPEND_BATCH_BYTES_MAX && taken > 0) break;
        bytes += next.bytes;
        head++;
        const { topic } = next.record;
        const key = `${topic}/${next.partition}`;
        let group = round.get(key);
        if (!group) {
          group = { batch: { topic, partition: next.partition, records: [], bytesMax: 0 }, callers: [] };
          round.set(key, group);
        }
        group.batch.records.push(next.record);
        group.batch.bytesMax += next.bytes;
        group.callers.push(next);
      }
      queuedBytes -= bytes;
      forgetDone();
      return new Map(Array.from(round.values(), ({ batch, callers }) => [batch, callers]));
    },
    putBack: (waiting) => {
      queue = waiting.concat(queue.slice(head));
      head = 0;
      for (const { bytes } of waiting) queuedBytes += bytes;
    },
    oldest: () => queue[head]?.since ?? null,
    rejectUntil: (until, reason) => {
      const unsent = new AppError('LOG_UNAVAILABLE', reason);
      for (; head < queue.length && queue[head]!.since <= until; head++) {
        const { bytes, doubtful, reject } = queue[head]!;
        queuedBytes -= bytes;
        reject(doubtful ? new AppError('APPEND_OUTCOME_UNKNOWN', reason) : unsent);
      }
      forgetDone();
    },
  };
};
