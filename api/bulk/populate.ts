// api/bulk/populate.ts: POST /orders/populate without HTTP: up to 100,000 sample orders in one call, a few hundred in flight.
// An entry's id follows from its batch and index, so a call that is repeated, or was cut off, never creates an order twice.

import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { CallContext } from '../access/call-context.ts';
import { problemOf } from '../http/problem-details.ts';
import { Problem, type ProblemCode } from '../http/problems.ts';
import { type KeyedBatch, keyedBatch, orderIdOfEntry } from '../orders/derived-ids.ts';
import { refusalOf, submissionOf } from '../orders/submission.ts';
import type { SubmitOrder } from '../orders/submit-order.ts';
import type { BulkGate } from '../overload/bulk-gate.ts';
import type { LogPosition } from '../reads/position-waits.ts';
import type { ReadOrder } from '../reads/read-order.ts';
import { keyReused } from '../requests/idempotency-key.ts';
import { sampleOrder } from './sample-orders.ts';

export interface PopulateOptions {
  submitOrder: SubmitOrder;
  orders: Pick<ReadOrder, 'known' | 'fresh'>;
  gate: Pick<BulkGate, 'enter' | 'leave'>;
  logger: Logger;
}

export interface PopulateCommand {
  total: number;
  /** Null: a new one, or that of the key. */
  batchId: string | null;
  idempotencyKey: string | null;
  context: CallContext;
  /** The caller went away or the process stops: what is under way is finished, the rest is not begun. */
  signal: AbortSignal;
}

export interface Populated {
  batchId: string;
  /** Orders that exist: acknowledged by every in-sync replica now, or there already from an earlier call. */
  successes: number;
  failures: number;
  /** The first of them, by index. */
  errors: PopulateError[];
  /** The last place that was written in each partition; none when all orders were there. */
  places: LogPosition[];
}

export interface PopulateError {
  index: number;
  code: ProblemCode;
  detail: string;
}

/** Rejects with IDEMPOTENCY_KEY_REUSED, when the key was used for a batch of another size. */
export type Populate = (command: PopulateCommand) => Promise<Populated>;

const ERRORS_MAX = 100;
// Making this many entries takes a millisecond or two; then others have their turn.
const ENTRIES_PER_TURN = 50;
// The log has been away for a while then: trying each of the others for five seconds would take hours.
const FAILURES_IN_A_ROW_MAX = 500;
const PROGRESS_EVERY_MS = 1_000;
const BATCH_ID_BYTES = 4;

export const createPopulate = ({ submitOrder, orders, gate, logger }: PopulateOptions): Populate => {
  /** Four bytes are drawn twice once in a while; a batch that begins where another has begun would make nothing. */
  const unusedBatchId = async (caller: string): Promise<string> => {
    for (;;) {
      const batchId = randomBytes(BATCH_ID_BYTES).toString('hex');
      if ((await orders.known(orderIdOfEntry({ caller, batchId, index: 0 }))) === null) return batchId;
    }
  };

  const refuseOtherSize = async (caller: string, { batchId, commandHash }: KeyedBatch): Promise<void> => {
    const first = await orders.fresh(orderIdOfEntry({ caller, batchId, index: 0 }));
    if (first !== null && first.order.commandHash !== commandHash) throw keyReused();
  };

  return async ({ total, batchId: given, idempotencyKey, context, signal }) => {
    const caller = context.caller.id;
    const keyed = idempotencyKey === null ? null : keyedBatch(caller, idempotencyKey, total);
    if (keyed !== null) await refuseOtherSize(caller, keyed);
    const mayExist = given !== null || keyed !== null;
    const batchId = given ?? keyed?.batchId ?? (await unusedBatchId(caller));
    const batch = { id: batchId, commandHash: keyed?.commandHash ?? null };
    const report = createReport();
    const progress = createProgress(logger, { batch_id: batchId, total });

    /** Resolves with the place of the order, or null where it has been before. Rejects with what the caller is told. */
    const submitEntry = async (index: number): Promise<LogPosition | null> => {
      const orderId = orderIdOfEntry({ caller, batchId, index });
      // Repeating what is there would only make the log longer: arbitration passes it over.
      if (mayExist && (await orders.known(orderId)) !== null) return null;
      const result = await submitOrder({ ...submissionOf(sampleOrder(batchId, index), null, context), orderId, batch });
      if (result.outcome === 'created') return result.place;
      throw refusalOf(result.outcome === 'pending' ? { outcome: 'unknown', orderId } : result);
    };
    const entry = async (index: number): Promise<void> => {
      try {
        report.succeeded(await submitEntry(index));
      } catch (error) {
        const problem = problemOf(error as Error);
        if (problem === null) logger.error({ err: error, batch_id: batchId, index }, 'an entry of a batch failed');
        report.failed(index, problem ?? new Problem('INTERNAL', 'Something went wrong on our side.'));
      } finally {
        gate.leave();
        progress.tell(report.done());
      }
    };
    /** Null: with a place at the gate. Otherwise why neither this entry nor the rest is begun. */
    const mayBegin = async (): Promise<Problem | null> => {
      if (!(await gate.enter())) return notAttempted(new Problem('OVERLOADED', 'too many orders are open, or the service is stopping.'));
      const why = signal.aborted ? new Problem('OVERLOADED', 'the service is stopping.') : report.hopeless();
      if (why === null) return null;
      gate.leave();
      return notAttempted(why);
    };

    const underWay = new Set<Promise<void>>();
    let rest: Problem | null = null;
    for (let index = 0; index < total; index += 1) {
      rest ??= await mayBegin();
      if (rest !== null) {
        report.failed(index, rest);
        continue;
      }
      const each = entry(index).finally(() => underWay.delete(each));
      underWay.add(each);
      if (index % ENTRIES_PER_TURN === ENTRIES_PER_TURN - 1) await nextTurn();
    }
    await Promise.all(underWay);
    const result = report.result();
    logger.info({ batch_id: batchId, total, successes: result.successes, failures: result.failures }, 'populated');
    return { batchId, ...result };
  };
};

const notAttempted = ({ code, message }: Problem): Problem => new Problem(code, `Not attempted: ${message}`);

const createReport = () => {
  const places = new Map<number, LogPosition>();
  const errors: PopulateError[] = [];
  let successes = 0;
  let failures = 0;
  let inARow = 0;
  let last: Problem | null = null;
  return {
    succeeded: (place: LogPosition | null): void => {
      successes += 1;
      inARow = 0;
      if (place !== null && place.offset > (places.get(place.partition)?.offset ?? -1)) places.set(place.partition, place);
    },
    failed: (index: number, problem: Problem): void => {
      failures += 1;
      inARow += 1;
      last = problem;
      if (errors.length < ERRORS_MAX) errors.push({ index, code: problem.code, detail: problem.message });
    },
    done: () => successes + failures,
    /** The one reason for which all of the last entries failed, once there are enough of them that the next will too. */
    hopeless: (): Problem | null => (inARow < FAILURES_IN_A_ROW_MAX ? null : last),
    result: () => ({
      successes,
      failures,
      errors: errors.toSorted((a, b) => a.index - b.index),
      places: [...places.values()],
    }),
  };
};

/** A line a second. */
const createProgress = (logger: Logger, about: { batch_id: string; total: number }) => {
  let toldAt = performance.now();
  return {
    tell: (done: number): void => {
      const now = performance.now();
      if (now - toldAt < PROGRESS_EVERY_MS) return;
      toldAt = now;
      logger.info({ ...about, done }, 'populating');
    },
  };
};
