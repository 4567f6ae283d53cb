// api/orders/submit-order.ts: appends a submission as an OrderCreated, and returns its outcome.
// Holds the waits: the append, and, for ids that another client may use at the same time, the log's verdict, read through the tail. No
// HTTP in here.

import { randomUUIDv7 } from 'node:crypto';
import { encodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { Appender } from '../../shared/log/log.ts';
import type { IdOrigin, OrderCreated } from '../../shared/order/events.ts';
import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';
import { AppError, unlessUnavailable } from '../../shared/runtime/app-error.ts';
import { countdown } from '../../shared/runtime/within.ts';
import type { OrderTail } from '../reads/order-tail.ts';
import type { LogPosition } from '../reads/position-waits.ts';
import type { ReadOrder } from '../reads/read-order.ts';
import { appendOrGiveUp } from '../requests/append-in-time.ts';
import { keyHash, orderIdOfKey } from '../requests/idempotency-key.ts';
import { commandHash, type NewOrder } from './new-order.ts';
import type { PriceLines } from './price-lines.ts';

export interface Submission {
  order: NewOrder;
  /** The user or client id; `anonymous` without access control. */
  caller: string;
  actor: string;
  /** Chosen by the client, or derived from its place in a batch; else null. Never together with a key. */
  orderId: string | null;
  idempotencyKey: string | null;
  /** Of an entry of a batch: its order id is the entry's own, so no other client can have used it. */
  batch?: { id: string /** Of the whole batch, when it has an Idempotency-Key. */; commandHash: string | null };
  correlationId: string | null;
  traceparent: string | null;
}

export type Submitted =
  /** The order exists, as this event created it. `replayed`: an earlier submission with the same key and command did. */
  | { outcome: 'created'; created: OrderCreated; place: LogPosition; replayed: boolean }
  /** The log has the submission, but did not say in time whether it was the first of its id. */
  | { outcome: 'pending'; orderId: string; place: LogPosition }
  | { outcome: 'key_reused' }
  | { outcome: 'id_taken' }
  /** Too many orders are open, or too many appends wait: nothing was recorded. */
  | { outcome: 'overloaded' }
  /** The submission may or may not be in the log, now or later. */
  | { outcome: 'unknown'; orderId: string };

export type SubmitOrder = (submission: Submission) => Promise<Submitted>;

export interface SubmitOrderOptions {
  topic: string;
  currency: string;
  /** OPEN_ORDERS_MAX (R13). */
  openOrdersMax: number;
  appender: Appender;
  tail: Pick<OrderTail, 'waitRead' | 'openOrders' | 'isHeld'>;
  orders: ReadOrder;
  /** The OrderCreated that created this order, from the log. */
  creationOf: (order: StoredOrder) => Promise<OrderCreated>;
  /** What is ordered costs this now; rejects with what is wrong with it. */
  priceLines: PriceLines;
  now: () => number;
}

// For the append and the verdict together, as long as the append alone may take: see append-in-time.ts.
const VERDICT_MAX_MS = 5_000;

export const createSubmitOrder = (options: SubmitOrderOptions): SubmitOrder => {
  const { topic, currency, appender, tail, orders } = options;

  const creation = async (
    submission: Submission,
    orderId: string,
    origin: IdOrigin,
    keyed: { key: string; command: string } | null = null,
  ): Promise<OrderCreated> => {
    const { items, totalMinor } = await options.priceLines(submission.order);
    return {
      kind: 'fact',
      name: 'OrderCreated',
      id: randomUUIDv7(),
      orderId,
      version: 1,
      time: options.now(),
      actor: submission.actor,
      causationId: null,
      correlationId: submission.correlationId,
      data: {
        user_id: submission.order.userId,
        items,
        total_minor: totalMinor,
        currency,
        id_origin: origin,
        batch_id: submission.batch?.id ?? null,
        key_hash: keyed?.key ?? null,
        command_hash: keyed?.command ?? submission.batch?.commandHash ?? null,
      },
    };
  };

  const appended = async (
    event: OrderCreated,
    traceparent: string | null,
    then: (place: LogPosition) => Submitted | Promise<Submitted>,
  ) => {
    if (tail.isHeld() || tail.openOrders() >= options.openOrdersMax) return { outcome: 'overloaded' } as const;
    try {
      const position = await appendOrGiveUp(appender, encodeOrderEvent(event, topic, traceparent));
      return position === null ? ({ outcome: 'unknown', orderId: event.orderId } as const) : then(position);
    } catch (error) {
      if (error instanceof AppError && error.code === 'LOG_OVERLOADED') return { outcome: 'overloaded' } as const;
      throw error;
    }
  };

  /** For ids that others may use too: the log decides who was first, and the tail reads it. */
  const appendAndRead = (
    event: OrderCreated,
    traceparent: string | null,
    lost: (winner: StoredOrder) => Submitted | Promise<Submitted>,
  ) => {
    const left = countdown(VERDICT_MAX_MS);
    return appended(event, traceparent, async (place) => {
      const winner = (await tail.waitRead(place, left())) ? await unlessUnavailable(orders.known(event.orderId)) : null;
      if (winner === null) return { outcome: 'pending', orderId: event.orderId, place };
      return winner.order.createdEventId === event.id ? { outcome: 'created', created: event, place, replayed: false } : lost(winner);
    });
  };

  const submitKeyed = async (submission: Submission, idempotencyKey: string): Promise<Submitted> => {
    const key = keyHash(submission.caller, idempotencyKey);
    const command = commandHash(submission.order);
    const repeated = async (first: StoredOrder): Promise<Submitted> => {
      if (first.order.commandHash !== command) return { outcome: 'key_reused' };
      const place = { partition: first.partition, offset: first.createdOffset };
      return { outcome: 'created', created: await options.creationOf(first), place, replayed: true };
    };
    const orderId = orderIdOfKey(key);
    const first = await orders.known(orderId);
    if (first !== null) return repeated(first);
    return appendAndRead(await creation(submission, orderId, 'key', { key, command }), submission.traceparent, repeated);
  };

  const submitChosen = async (submission: Submission, orderId: string): Promise<Submitted> => {
    const taken = (): Submitted => ({ outcome: 'id_taken' });
    if ((await orders.known(orderId)) !== null) return taken();
    return appendAndRead(await creation(submission, orderId, 'client'), submission.traceparent, taken);
  };

  // Only this very order can be the first OrderCreated of this id: an acknowledged append is all there is to know.
  const submitEntry = async (submission: Submission, orderId: string): Promise<Submitted> => {
    const created = await creation(submission, orderId, 'batch');
    return appended(created, submission.traceparent, (place) => ({ outcome: 'created', created, place, replayed: false }));
  };

  return async (submission) => {
    if (submission.batch !== undefined && submission.orderId !== null) return submitEntry(submission, submission.orderId);
    if (submission.idempotencyKey !== null) return submitKeyed(submission, submission.idempotencyKey);
    if (submission.orderId !== null) return submitChosen(submission, submission.orderId);
    const created = await creation(submission, randomUUIDv7(), 'server');
    return appended(created, submission.traceparent, (place) => ({ outcome: 'created', created, place, replayed: false }));
  };
};
