// processor/fulfilment/fulfilment.ts: the port through which orders are fulfilled, and the timed fulfilment, which waits.
// What can fail is one attempt (http-fulfilment.ts); attempts.ts makes of it what the processor calls.

import type { Order } from '../../shared/order/order.ts';
import type { Clock } from '../../shared/runtime/clock.ts';

/** What an attempt that failed came to. Closed: it is in the log. */
export const ATTEMPT_CODES = ['FULFILMENT_REFUSED', 'FULFILMENT_FAILED', 'FULFILMENT_TIMED_OUT', 'FULFILMENT_UNREACHABLE'] as const;
export type AttemptCode = (typeof ATTEMPT_CODES)[number];

/** Why we park an order; docs/events.md says what to do about each. A report that fulfilment failed names a code of its own. */
export const PARK_CODES = [...ATTEMPT_CODES, 'FULFILMENT_OVERDUE'] as const;
export type ParkCode = (typeof PARK_CODES)[number];

export interface Failure {
  code: AttemptCode;
  /** One short sentence of our own. Never what an endpoint wrote: the log is for ever, and that may be personal. */
  detail: string;
}

export interface Done {
  outcome: 'done';
}
/** The endpoint has the order, and a report will say how it ended. */
export interface Accepted {
  outcome: 'accepted';
  /** The endpoint's own name for its work; null: it gave none. */
  reference: string | null;
}
export interface RetryLater {
  outcome: 'retry';
  failure: Failure;
  /**
   * `answer`: it answered, only not with a yes or no. `order`: a failure that this very order may cause. `endpoint`: one that
   * no order can cause, such as a refused connection.
   */
  blames: 'answer' | 'order' | 'endpoint';
  /** The least that the endpoint asks us to wait; 0 where it does not say. */
  afterMs: number;
}
export interface FailedForGood {
  outcome: 'failed';
  failure: Failure;
}

/**
 * One attempt to fulfil an order. Never rejects. It may be made again for the same order, after a failure, a crash, a
 * take-over or a redrive, so it must be idempotent by order_id.
 */
export type Attempt = (order: Order) => Promise<Done | Accepted | RetryLater | FailedForGood>;

/** `unwanted`: given up, because the order moved on meanwhile. `attempts`: those that count, at least one. */
export type Fulfilled = Done | Accepted | (FailedForGood & { attempts: number }) | { outcome: 'unwanted' };

/**
 * Fulfils an order, with as many attempts as that takes or is allowed. It is called once the log says `processing`, and again
 * after a crash, a take-over or a redrive. Once `isWanted` is false its outcome is not needed any more, for ever.
 */
export type Fulfil = (order: Order, isWanted: () => boolean) => Promise<Fulfilled>;

export const DONE: Done = { outcome: 'done' };

/**
 * Fulfilment that takes `processingTimeMs` from the moment the order entered processing, by this machine's clock. Another
 * writer's clock may be off: the wait is never longer than the whole time (R10).
 */
export const timedFulfilment = (processingTimeMs: number, clock: Clock): ((order: Order) => Promise<Done>) => {
  const done = Promise.resolve(DONE);
  if (processingTimeMs === 0) return () => done;
  return (order) => {
    const elapsed = clock.now() - (order.processingStartedAt ?? clock.now());
    const wait = Math.min(processingTimeMs, Math.max(0, processingTimeMs - elapsed));
    return new Promise((resolve) => clock.after(wait, () => resolve(DONE)));
  };
};

/** How long an order that was accepted now still waits for its report: the whole time at most, whatever another writer's clock said (R10). */
export const reportWaitMs = (order: Order, deadlineMs: number, now: number): number =>
  Math.min(deadlineMs, Math.max(0, reportDueAt(order, deadlineMs) - now));

/** Epoch ms at which an accepted order without a report is parked; infinite for one that is not accepted. */
export const reportDueAt = ({ accepted }: Order, deadlineMs: number): number => (accepted === null ? Infinity : accepted.at + deadlineMs);
