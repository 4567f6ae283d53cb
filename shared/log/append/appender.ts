// shared/log/append/appender.ts: the group-commit lane: all appends of a process go through one queue, one round at a time. Callers that
// come while a round is under way share the next one: no waiting when idle, large batches when busy. Rounds are sent by sender.ts.

import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '../../runtime/app-error.ts';
import { createLogOutage, type LogClient, type LogLogger } from '../connect/client.ts';
import type { Appender, Position, RecordToAppend } from '../log.ts';
import type { PartitionBatch } from '../protocol/produce.ts';
import { recordBytesMax } from '../protocol/record-batch.ts';
import { APPEND_BATCH_BYTES_MAX, createAppendQueue, type Waiting } from './append-queue.ts';
import { partitionOf } from './partitioner.ts';
import { createSender, type Sender, type Verdict } from './sender.ts';

const RECORD_BYTES_MAX = APPEND_BATCH_BYTES_MAX;
const APPEND_WAIT_MAX_MS = 10_000; // longer than a leader election or a broker's restart usually takes
const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 2_000;
const STOP_FLUSH_MAX_MS = 1_000; // a broker that is there answers in milliseconds; a process has 4.5 s for all of its parts (runtime/shutdown.ts)

export interface LaneOptions {
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
   * Refuses records with LOG_OVERLOADED while the oldest in the queue has waited this long; by default none for that. For callers who
   * would rather hear it at once than wait in vain; who must append in the end anyway is better off in the queue.
   */
  queueAgeMaxMs?: number;
  /** Called after every round. `ok`: all of its records were appended. */
  onBatch?: (round: { records: number; seconds: number; ok: boolean }) => void;
}

export interface AppenderOptions extends Omit<LaneOptions, 'openSender' | 'logger'> {
  client: LogClient;
}

export interface RunningAppender extends Appender {
  /** Connects in advance. Appending works without it. */
  start(): void;
  /** Takes no more, sends what is queued (at most 1 s), then rejects the rest: LOG_UNAVAILABLE, or APPEND_OUTCOME_UNKNOWN if it was under way. */
  stop(): Promise<void>;
  /** Resolves once every append made so far has been settled. */
  flushed(): Promise<void>;
  /** How long the lane has not got on with what it has to send, in milliseconds; 0 when it has nothing. For readiness. */
  stalledMs(): number;
}

/** Rejects besides as `Appender` says with LOG_UNAVAILABLE, nothing sent, when no round could take the record for 10 s. */
export const createAppender = ({ client, ...options }: AppenderOptions): RunningAppender =>
  createLane({ ...options, openSender: () => createSender(client), logger: client.logger });

/** The same on any connections: tests/simulation brings its own. */
export const createLane = (options: LaneOptions): RunningAppender => {
  const { openSender, logger, partitionCounts, minSendGapMs = 0, queueAgeMaxMs, onBatch } = options;
  const queue = createAppendQueue({ ageMaxMs: queueAgeMaxMs });
  const stopping = new AbortController();
  let stopped: Promise<void> | null = null;
  let running = false;
  let inFlight = 0;
  let sender: Sender | null = null;
  let connected = false;
  let failures = 0;
  const outage = createLogOutage(logger, 'appending to the log');
  let roundStarted = Number.NEGATIVE_INFINITY;
  let progressedAt = 0; // as far as there is anything to send
  let waitTimer: NodeJS.Timeout | null = null;
  const flushWaiters: (() => void)[] = [];

  const pause = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  const dropSender = (): void => {
    sender?.destroy();
    sender = null;
    connected = false;
  };

  const connect = async (): Promise<Sender | null> => {
    while (!stopping.signal.aborted) {
      if (sender && connected) return sender;
      if (failures > 0) await pause(Math.min(RECONNECT_MIN_MS * 2 ** (failures - 1), RECONNECT_MAX_MS));
      if (stopping.signal.aborted) break;
      sender = openSender();
      try {
        await sender.connect();
        connected = true;
        if (queue.isEmpty()) outage.over(); // else the records that wait tell
      } catch (error) {
        outage.failed(error);
        failures++;
        dropSender();
      }
    }
    return null;
  };

  const sendRound = async (through: Sender): Promise<void> => {
    const round = queue.take();
    const batches = [...round.keys()];
    const records = batches.reduce((sum, batch) => sum + batch.records.length, 0);
    inFlight = records;
    roundStarted = performance.now();
    const verdicts = await through.send(batches);
    inFlight = 0;
    const again: Waiting[] = [];
    for (const [index, batch] of batches.entries()) {
      const [callers, verdict] = [round.get(batch)!, verdicts[index]!];
      if (verdict.kind === 'leader-moved') for (const caller of callers) caller.doubtful = true;
      if (verdict.kind === 'leader-moved' || verdict.kind === 'not-appended') again.push(...callers);
      else settle(batch, callers, verdict);
    }
    const failed = verdicts.find(({ kind }) => kind !== 'appended' && kind !== 'too-large');
    if (failed && 'cause' in failed) {
      outage.failed(failed.cause, { records, outcome: failed.kind });
      failures++;
      dropSender();
      queue.putBack(again); // nothing later of these partitions has been sent: their order is kept
    } else {
      outage.over();
      failures = 0;
    }
    // A partition without a leader is not a log that stands still.
    if (verdicts.some(({ kind }) => kind === 'appended')) progressedAt = performance.now();
    onBatch?.({ records, seconds: (performance.now() - roundStarted) / 1000, ok: verdicts.every(({ kind }) => kind === 'appended') });
  };

  const run = async (): Promise<void> => {
    while (!queue.isEmpty() && !stopping.signal.aborted) {
      const gap = minSendGapMs - (performance.now() - roundStarted);
      if (gap > 0) await pause(gap);
      const through = await connect();
      if (through && !queue.isEmpty()) await sendRound(through);
      await nextTurn(); // so that callers just answered, and requests just received, are in the next round
    }
    running = false;
    wakeIfSettled();
  };

  const isSettled = (): boolean => queue.isEmpty() && inFlight === 0;
  const wakeIfSettled = (): void => {
    if (isSettled()) for (const wake of flushWaiters.splice(0)) wake();
  };

  // One timer for all who wait, set for the oldest.
  const watchWaits = (): void => {
    const oldest = queue.oldest();
    if (waitTimer !== null || oldest === null) return;
    const expire = () => {
      waitTimer = null;
      queue.rejectUntil(performance.now() - APPEND_WAIT_MAX_MS, `Nothing could be appended for ${APPEND_WAIT_MAX_MS / 1000} s.`);
      wakeIfSettled();
      watchWaits();
    };
    waitTimer = setTimeout(expire, Math.max(oldest + APPEND_WAIT_MAX_MS - performance.now(), 1)).unref();
  };

  const append = (record: RecordToAppend): Promise<Position> => {
    const count = partitionCounts.get(record.topic);
    if (count === undefined) return Promise.reject(new Error(`The lane does not know the topic ${record.topic}.`));
    if (stopped) return Promise.reject(new AppError('LOG_UNAVAILABLE', 'This process is shutting down.'));
    const bytes = recordBytesMax(record);
    if (bytes > RECORD_BYTES_MAX)
      return Promise.reject(new AppError('RECORD_TOO_LARGE', `A record of ${bytes} bytes exceeds ${RECORD_BYTES_MAX}.`));
    const since = performance.now();
    if (!queue.hasRoomFor(bytes, since)) return Promise.reject(new AppError('LOG_OVERLOADED', 'Too many appends are waiting.'));
    return new Promise((resolve, reject) => {
      const partition = record.partition ?? partitionOf(record.key, count);
      if (isSettled()) progressedAt = since;
      queue.push({ record, partition, bytes, since, doubtful: false, resolve, reject });
      if (waitTimer === null) watchWaits();
      if (running) return;
      running = true;
      setImmediate(run); // the callers of this turn of the event loop go together
    });
  };

  const flushed = (): Promise<void> => (isSettled() ? Promise.resolve() : new Promise((resolve) => flushWaiters.push(resolve)));

  const shutDown = async (): Promise<void> => {
    await Promise.race([flushed(), delay(STOP_FLUSH_MAX_MS, undefined, { ref: false })]);
    stopping.abort();
    queue.rejectUntil(Number.POSITIVE_INFINITY, 'This process is shutting down.');
    dropSender();
    if (inFlight > 0) await flushed();
    if (waitTimer !== null) clearTimeout(waitTimer);
  };

  return {
    append,
    flushed,
    stalledMs: () => (isSettled() ? 0 : performance.now() - progressedAt),
    start: () => {
      if (running) return;
      running = true;
      connect().then(run);
    },
    stop: () => {
      stopped ??= shutDown();
      return stopped;
    },
  };
};

const settle = ({ topic, partition }: PartitionBatch, callers: readonly Waiting[], verdict: Verdict): void => {
  if (verdict.kind === 'appended') {
    for (let index = 0; index < callers.length; index++) callers[index]!.resolve({ topic, partition, offset: verdict.baseOffset + index });
    return;
  }
  const where = `${topic}/${partition}`;
  const error =
    verdict.kind === 'unknown'
      ? new AppError('APPEND_OUTCOME_UNKNOWN', `The append to ${where} was not confirmed: ${verdict.cause.message}`, verdict.cause)
      : new AppError('RECORD_TOO_LARGE', `The broker refuses records of this size in ${where}.`, verdict.cause);
  for (const { reject } of callers) reject(error);
};
