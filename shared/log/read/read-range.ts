// shared/log/read/read-range.ts: reads an exact stretch of a topic, without a consumer group: for rebuilding, verifying, replaying.

import { AppError } from '../../runtime/app-error.ts';
import { reasonOf } from '../../runtime/outage.ts';
import type { LogClient } from '../connect/client.ts';
import { type LogRecord, offsetAfter } from '../log.ts';
import { type Fetched, isOutOfRange } from '../protocol/fetch.ts';
import { isUnbroken } from './assigned-partition.ts';
import { createFetchLoop } from './fetch-loop.ts';

const LIMITS = {
  maxWaitMs: 250,
  maxBytes: 16_000_000,
  maxBytesPerPartition: 4_000_000, // some 5,000 records: 8 ms of decoding in one go
};
const STALL_MAX_MS = 30_000;
const STALL_CHECK_MS = 1_000;

export interface ReadRangeOptions {
  client: LogClient;
  topic: string;
  /** Partition → first offset. */
  from: ReadonlyMap<number, number>;
  /** Partition → offset after the last, for the same partitions. */
  to: ReadonlyMap<number, number>;
  /** All calls for one partition come one after the other, in order; a promise holds back this partition, not the others. */
  onRecords: (partition: number, records: LogRecord[]) => void | Promise<void>;
  /** Ends the reading early: the result rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Reads [from, to) of every named partition and resolves when all of it has been handled. Rejects with LOG_GAP when part of it is
 * not in the log, with LOG_UNAVAILABLE when nothing came for 30 s while something was due, and with whatever `onRecords` threw.
 */
export const readRange = ({ client, topic, from, to, onRecords, signal }: ReadRangeOptions): Promise<void> => {
  const open = new Map<number, { position: number; end: number; busy: boolean }>();
  for (const [partition, position] of from) {
    const end = to.get(partition) ?? position;
    if (end > position) open.set(partition, { position, end, busy: false });
  }
  if (open.size === 0) return Promise.resolve();

  return new Promise((resolve, reject) => {
    let lastStep = performance.now();
    let lastFailure: unknown;
    const finish = (error?: unknown): void => {
      clearInterval(stallTimer);
      signal?.removeEventListener('abort', onAbort);
      loop.stop();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = () => finish(signal!.reason);
    const done = (partition: number): void => {
      lastStep = performance.now();
      const state = open.get(partition)!;
      state.busy = false;
      if (state.position === state.end) open.delete(partition);
      if (open.size === 0) finish();
      else loop.wake();
    };
    const deliver = (fetched: Fetched): void => {
      const state = open.get(fetched.partition);
      if (!state || state.busy || state.position !== fetched.fromOffset) return;
      if (isOutOfRange(fetched)) throw gap(topic, fetched.partition, state.position);
      const { records } = fetched;
      if (records.length === 0) {
        if (fetched.nextOffset > state.position || fetched.highWatermark < state.end) throw gap(topic, fetched.partition, state.position);
        return;
      }
      const beyond = records.findIndex(({ offset }) => offset >= state.end);
      const mine = beyond === -1 ? records : records.slice(0, beyond);
      const next = mine.length === 0 ? state.end : offsetAfter(mine.at(-1)!);
      if (!isUnbroken(mine, state.position, next)) throw gap(topic, fetched.partition, state.position);
      state.position = Math.min(next, state.end);
      state.busy = true;
      const handled = onRecords(fetched.partition, mine);
      if (handled) handled.then(() => done(fetched.partition), finish);
      else done(fetched.partition);
    };
    const stallTimer = setInterval(() => {
      const handling = [...open.values()].some(({ busy }) => busy);
      if (handling) lastStep = performance.now();
      if (performance.now() - lastStep < STALL_MAX_MS) return;
      const rest = Array.from(open, ([partition, { position, end }]) => `${partition} at ${position} of ${end}`).join(', ');
      const why = lastFailure === undefined ? '' : ` ${reasonOf(lastFailure)}`;
      finish(new AppError('LOG_UNAVAILABLE', `Nothing came from ${topic} for ${STALL_MAX_MS / 1000} s (${rest}).${why}`, lastFailure));
    }, STALL_CHECK_MS);
    const loop = createFetchLoop({
      client,
      topic,
      limits: () => LIMITS,
      minGapMs: 0,
      demand: () => new Map([...open].filter(([, { busy }]) => !busy).map(([partition, { position }]) => [partition, position])),
      deliver: (fetched) => {
        try {
          deliver(fetched);
        } catch (error) {
          finish(error);
        }
      },
      onFailed: (error) => {
        lastFailure = error;
      },
      onFatal: finish,
    });
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    else loop.start();
  });
};

const gap = (topic: string, partition: number, offset: number): AppError =>
  new AppError('LOG_GAP', `${topic}/${partition} does not have the records from offset ${offset} on.`);
