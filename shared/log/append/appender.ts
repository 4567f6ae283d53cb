// shared/log/append/appender.ts: group commit: all appends of a process go through one queue, one round at a time.
// Callers that come while a round is under way share the next one: no waiting when idle, large batches when busy. The rounds: rounds.ts.

import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '../../runtime/app-error.ts';
import type { LogClient, LogLogger } from '../connect/client.ts';
import type { Appender, Position, RecordToAppend } from '../log.ts';
import { recordBytesMax } from '../protocol/record-batch.ts';
import { APPEND_BATCH_BYTES_MAX, createAppendQueue } from './append-queue.ts';
import { createAppendWaits } from './append-waits.ts';
import { partitionOf } from './partitioner.ts';
import { createRounds } from './rounds.ts';
import { createSender, type Sender } from './sender.ts';

const RECORD_BYTES_MAX = APPEND_BATCH_BYTES_MAX;
const STOP_FLUSH_MAX_MS = 1_000; // a broker answers in milliseconds; a process has 4.5 s for all of its parts (runtime/shutdown.ts)

export interface AppenderOnOptions {
  /** Makes connections to send through, used until something about them is in doubt. */
  openSender: () => Sender;
  logger: LogLogger;
  /** How many partitions each topic has: what decides the partition of a key. Appending to another topic is a programming error. */
  partitionCounts: ReadonlyMap<string, number>;
  /**
   * At least this long between the starts of two rounds; 0, the default, is none. A record that comes after an idle spell is sent at
   * once all the same. Trades latency under steady moderate traffic for fewer, larger requests: every one wakes all readers.
   */
  minSendGapMs?: number;
  /**
   * Refuses records with LOG_OVERLOADED while the oldest in the queue has waited this long; by default none for that. For callers that
   * would rather hear it at once than wait in vain; a caller that must append in the end is better off in the queue.
   */
  queueAgeMaxMs?: number;
  /** Called after every round. `ok`: all of its records were appended. */
  onBatch?: (round: { records: number; seconds: number; ok: boolean }) => void;
}

export interface AppenderOptions extends Omit<AppenderOnOptions, 'openSender' | 'logger'> {
  client: LogClient;
}

export interface RunningAppender extends Appender {
  /** Connects in advance. Appending works without it. */
  start(): void;
  /** Accepts no more, sends what is queued (at most 1 s), then rejects the rest: LOG_UNAVAILABLE or APPEND_OUTCOME_UNKNOWN if under way. */
  stop(): Promise<void>;
  /** Resolves once every append made so far has been settled. */
  flushed(): Promise<void>;
  /** How long the appender has not got on with what it has to send, in milliseconds; 0 when it has nothing. For readiness. */
  stalledMs(): number;
}

/** Rejects besides as `Appender` says with LOG_UNAVAILABLE, nothing sent, when no round could take the record for 10 s. */
export const createAppender = ({ client, ...options }: AppenderOptions): RunningAppender =>
  createAppenderOn({ ...options, openSender: () => createSender(client), logger: client.logger });

/** The same on any connections: tests/simulation brings its own. */
export const createAppenderOn = (options: AppenderOnOptions): RunningAppender => {
  const { openSender, logger, partitionCounts, minSendGapMs = 0, queueAgeMaxMs, onBatch } = options;
  const queue = createAppendQueue({ ageMaxMs: queueAgeMaxMs });
  const stopping = new AbortController();
  let stopped: Promise<void> | null = null;
  let running = false;
  let waitingSince = 0; // since when there is anything to send

  const pause = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  const rounds = createRounds({ openSender, queue, logger, pause, isStopping: () => stopping.signal.aborted, onBatch });
  const waits = createAppendWaits(queue, rounds.inFlight);

  const run = async (): Promise<void> => {
    while (!queue.isEmpty() && !stopping.signal.aborted) {
      const gap = minSendGapMs - (performance.now() - rounds.startedAt());
      if (gap > 0) await pause(gap);
      if ((await rounds.connect()) && !queue.isEmpty()) await rounds.send();
      waits.begin(); // for what was put back: the timer may have passed while it was under way
      await nextTurn(); // so that callers just answered, and requests just received, are in the next round
    }
    running = false;
    if (stopping.signal.aborted) rejectAll(); // what the last round has put back
    waits.end();
  };

  const rejectAll = (): void => queue.rejectUntil(Number.POSITIVE_INFINITY, 'This process is shutting down.');

  const append = (record: RecordToAppend): Promise<Position> => {
    const count = partitionCounts.get(record.topic);
    if (count === undefined) return Promise.reject(new Error(`The appender does not know the topic ${record.topic}.`));
    if (stopped) return Promise.reject(new AppError('LOG_UNAVAILABLE', 'This process is shutting down.'));
    const bytes = recordBytesMax(record);
    if (bytes > RECORD_BYTES_MAX)
      return Promise.reject(new AppError('RECORD_TOO_LARGE', `A record of ${bytes} bytes exceeds ${RECORD_BYTES_MAX}.`));
    const since = performance.now();
    if (!queue.hasRoomFor(bytes, since)) return Promise.reject(new AppError('LOG_OVERLOADED', 'Too many appends are waiting.'));
    return new Promise((resolve, reject) => {
      const partition = record.partition ?? partitionOf(record.key, count);
      if (waits.isSettled()) waitingSince = since;
      queue.push({ record, partition, bytes, since, doubtful: false, resolve, reject });
      waits.begin();
      if (running) return;
      running = true;
      setImmediate(run); // the callers of this turn of the event loop go together
    });
  };

  const shutDown = async (): Promise<void> => {
    await Promise.race([waits.settled(), delay(STOP_FLUSH_MAX_MS, undefined, { ref: false })]);
    stopping.abort();
    rejectAll();
    rounds.destroy();
    if (rounds.inFlight() > 0) await waits.settled();
    waits.stop();
  };

  return {
    append,
    flushed: waits.settled,
    stalledMs: () => (waits.isSettled() ? 0 : performance.now() - Math.max(waitingSince, rounds.appendedAt())),
    start: () => {
      if (running) return;
      running = true;
      rounds.connect().then(run);
    },
    stop: () => {
      stopped ??= shutDown();
      return stopped;
    },
  };
};
