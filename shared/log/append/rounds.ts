// shared/log/append/rounds.ts: sends what is queued, one round at a time, and opens connections again after any doubt.
// Never forgets a record that it took from the queue: it is settled, or put back at its place.

import { AppError } from '../../runtime/app-error.ts';
import type { LogLogger } from '../connect/client.ts';
import { createLogOutage } from '../connect/log-outage.ts';
import type { PartitionBatch } from '../protocol/produce.ts';
import type { AppendQueue, Round, WaitingAppend } from './append-queue.ts';
import type { AppendResult, Sender } from './sender.ts';

const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 2_000;

export interface RoundsOptions {
  /** Makes connections to send through, used until something about them is in doubt. */
  openSender: () => Sender;
  queue: AppendQueue;
  logger: LogLogger;
  /** Resolves after `ms` milliseconds, or at once when the appender stops. */
  pause: (ms: number) => Promise<void>;
  isStopping: () => boolean;
  /** Called after every round. `ok`: all of its records were appended. */
  onBatch?: (round: { records: number; seconds: number; ok: boolean }) => void;
}

export interface Rounds {
  /** Connects unless connected; false: the appender stops. */
  connect: () => Promise<boolean>;
  /** Sends what fits into one round. To be called when connected. */
  send: () => Promise<void>;
  /** Ends the connections. What is under way is settled as unknown. */
  destroy: () => void;
  /** Records under way. */
  inFlight: () => number;
  /** By `performance.now()`: when the last round began, and when something was last appended. */
  startedAt: () => number;
  appendedAt: () => number;
}

export const createRounds = ({ openSender, queue, logger, pause, isStopping, onBatch }: RoundsOptions): Rounds => {
  let inFlight = 0;
  let sender: Sender | null = null;
  let connected = false;
  let failures = 0;
  const outage = createLogOutage(logger, 'appending to the log');
  let roundStarted = Number.NEGATIVE_INFINITY;
  let appendedAt = Number.NEGATIVE_INFINITY;

  const dropSender = (): void => {
    sender?.destroy();
    sender = null;
    connected = false;
  };

  const connect = async (): Promise<boolean> => {
    while (!isStopping()) {
      if (sender && connected) return true;
      if (failures > 0) await pause(Math.min(RECONNECT_MIN_MS * 2 ** (failures - 1), RECONNECT_MAX_MS));
      if (isStopping()) break;
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
    return false;
  };

  const send = async (): Promise<void> => {
    const round = queue.take();
    const batches = [...round.keys()];
    const records = batches.reduce((sum, batch) => sum + batch.records.length, 0);
    inFlight = records;
    roundStarted = performance.now();
    const results = await sender!.send(batches);
    inFlight = 0;
    const again = settleRound(round, results);
    const failed = results.find(({ kind }) => kind !== 'appended' && kind !== 'too-large');
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
    if (results.some(({ kind }) => kind === 'appended')) appendedAt = performance.now();
    onBatch?.({ records, seconds: (performance.now() - roundStarted) / 1000, ok: results.every(({ kind }) => kind === 'appended') });
  };

  return {
    connect,
    send,
    destroy: dropSender,
    inFlight: () => inFlight,
    startedAt: () => roundStarted,
    appendedAt: () => appendedAt,
  };
};

/** Answers the callers whose record is in the log, never will be, or is in doubt; returns those whose record must be sent again. */
const settleRound = (round: Round, results: readonly AppendResult[]): WaitingAppend[] => {
  const again: WaitingAppend[] = [];
  for (const [index, [batch, callers]] of [...round].entries()) {
    const result = results[index]!;
    if (result.kind === 'leader-moved') for (const caller of callers) caller.doubtful = true;
    if (result.kind === 'leader-moved' || result.kind === 'not-appended') again.push(...callers);
    else settle(batch, callers, result);
  }
  return again;
};

const settle = ({ topic, partition }: PartitionBatch, callers: readonly WaitingAppend[], result: AppendResult): void => {
  if (result.kind === 'appended') {
    for (let index = 0; index < callers.length; index++) callers[index]!.resolve({ topic, partition, offset: result.baseOffset + index });
    return;
  }
  const where = `${topic}/${partition}`;
  const unknown = new AppError('APPEND_OUTCOME_UNKNOWN', `The append to ${where} was not confirmed: ${result.cause.message}`, result.cause);
  const tooLarge = new AppError('RECORD_TOO_LARGE', `The broker refuses records of this size in ${where}.`, result.cause);
  // The broker refuses the batch: in another one an earlier round may have appended the record.
  for (const { reject, doubtful } of callers) reject(result.kind === 'unknown' || doubtful ? unknown : tooLarge);
};
