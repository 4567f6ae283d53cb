// api/orders/command-order.ts: appends a command as a request, and returns what the processor answered (R2).
// What the order as of now rules out is refused without a record; the processor decides everything else. No HTTP in here.

import { randomUUIDv7 } from 'node:crypto';
import { encodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { Appender } from '../../shared/log/log.ts';
import type { OrderRequest } from '../../shared/order/events.ts';
import type { Order } from '../../shared/order/order.ts';
import { type RequestedChange, ruledOut } from '../../shared/order/ruled-out.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { expectedVersion, type IfMatch } from '../http/preconditions.ts';
import type { LogPosition } from '../reads/position-waits.ts';
import type { ReadOrder } from '../reads/read-order.ts';
import type { OrderAnswer } from '../reads/tail-memory.ts';
import { appendOrGiveUp } from '../requests/append-in-time.ts';
import { type OutstandingRequests, shareOf } from '../requests/outstanding-requests.ts';

export interface OrderCommand {
  orderId: string;
  ifMatch: IfMatch;
  actor: string;
  correlationId: string | null;
  traceparent: string | null;
  change: RequestedChange;
}

export type Commanded =
  /** The order as the answering fact left it. */
  | { outcome: 'applied'; order: Order; place: LogPosition }
  /** It is as asked already, perhaps by another client's request; `place` is where the log says so. */
  | { outcome: 'unchanged'; order: Order; place: LogPosition }
  | { outcome: 'not_found' }
  /** By the processor, with its code; or by what the order is already, then nothing was recorded. */
  | { outcome: 'refused'; code: string; detail: string; place: LogPosition | null }
  /** The request is in the log; the answer, or what it means for the order, did not come in time. */
  | { outcome: 'pending'; requestId: string; place: LogPosition }
  /** The request may or may not be in the log, now or later. */
  | { outcome: 'unknown'; requestId: string };

/** Rejects with LOG_OVERLOADED, LOG_UNAVAILABLE or DATABASE_UNAVAILABLE; then nothing was recorded that has an effect. */
export type CommandOrder = (command: OrderCommand) => Promise<Commanded>;

export interface CommandOrderOptions {
  topic: string;
  appender: Appender;
  orders: Pick<ReadOrder, 'fresh'>;
  outstanding: OutstandingRequests<OrderAnswer>;
  /** DECISION_WAIT_MS. */
  decisionWaitMs: number;
  now: () => number;
}

// What the order became between the api's reading and the processor's: a client that asked for just that gets the same answer,
// whether the api knew it before the append or not. A processor that took over does not know the orders that had closed, and says that
// there is none.
const MOVED_ON: ReadonlySet<string> = new Set(['ILLEGAL_TRANSITION', 'ORDER_NOT_FOUND']);

export const createCommandOrder = (options: CommandOrderOptions): CommandOrder => {
  const { topic, appender, orders, outstanding, decisionWaitMs } = options;

  /**
   * The tail forgets orders that have closed and are stored (tail-memory.ts), so an answer may come without its order: it is as stored.
   * Null when that cannot be read now: to reject would say that nothing was recorded.
   */
  const withOrder = async (answer: OrderAnswer): Promise<OrderAnswer | null> => {
    if (answer.order !== null) return answer;
    try {
      const found = await orders.fresh(answer.event.orderId);
      return { ...answer, order: found?.order ?? null };
    } catch (error) {
      if (error instanceof AppError && error.retryable) return null;
      throw error;
    }
  };

  const decided = async (request: OrderRequest, { change, traceparent }: OrderCommand): Promise<Commanded> => {
    const requestId = request.id;
    const pending = outstanding.register(requestId, shareOf(request.actor));
    try {
      const appended = appendOrGiveUp(appender, encodeOrderEvent(request, topic, traceparent));
      // The answer may come before an acknowledgement that is lost on its way.
      const answered = await Promise.race([pending.answer, appended.then(() => pending.within(decisionWaitMs))]);
      if (answered !== null) {
        const known = await withOrder(answered);
        return known === null ? { outcome: 'pending', requestId, place: answered.place } : outcomeOf(known, change);
      }
      const place = await appended;
      if (place === null) return { outcome: 'unknown', requestId };
      pending.abandon();
      return { outcome: 'pending', requestId, place };
    } finally {
      pending.release();
    }
  };

  return async (command) => {
    const { orderId, ifMatch, actor, correlationId, change } = command;
    const found = await orders.fresh(orderId);
    if (found === null) return { outcome: 'not_found' };
    const { order } = found;
    const expected = expectedVersion(ifMatch, order.version);
    if (expected === 'impossible') {
      return refused('VERSION_MISMATCH', `The order has version ${order.version}; If-Match names none that it can still have.`);
    }
    const ruling = ruledOut(order, change);
    if (ruling === 'unchanged') return { outcome: 'unchanged', order, place: { partition: found.partition, offset: found.lastOffset } };
    if (ruling !== null) return refused('ILLEGAL_TRANSITION', ruling.impossible);
    const request = {
      kind: 'request',
      name: change.name,
      id: randomUUIDv7(),
      orderId,
      time: options.now(),
      actor,
      causationId: null,
      correlationId,
      data: { ...change.data, expected_version: expected },
    } as OrderRequest;
    return decided(request, command);
  };
};

const refused = (code: string, detail: string): Commanded => ({ outcome: 'refused', code, detail, place: null });

const outcomeOf = ({ event, order, place }: OrderAnswer, change: RequestedChange): Commanded => {
  if (event.kind !== 'refusal') return { outcome: 'applied', order: order!, place };
  const { code, detail } = event.data;
  if (order === null || !MOVED_ON.has(code)) return { outcome: 'refused', code, detail, place };
  const ruling = ruledOut(order, change);
  if (ruling === 'unchanged') return { outcome: 'unchanged', order, place };
  return { outcome: 'refused', code: 'ILLEGAL_TRANSITION', detail: ruling?.impossible ?? detail, place };
};
