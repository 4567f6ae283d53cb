// api/orders/keyed-commands.ts: a command with an Idempotency-Key: however often it is sent, one request, one effect and one answer.
// The request's id follows from caller, order and key, so every repetition asks for the answer that the log has already (R2). No table
// remembers keys.

import { encodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { Appender } from '../../shared/log/log.ts';
import type { OrderRequest } from '../../shared/order/events.ts';
import type { RequestedChange } from '../../shared/order/ruled-out.ts';
import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { countdown } from '../../shared/runtime/within.ts';
import { Problem } from '../http/problems.ts';
import type { AnsweredRequest, OrderEvents } from '../reads/order-history.ts';
import type { OrderTail } from '../reads/order-tail.ts';
import type { LogPosition } from '../reads/position-waits.ts';
import type { ReadOrder } from '../reads/read-order.ts';
import type { OrderAnswer } from '../reads/tail-memory.ts';
import { appendOrGiveUp } from '../requests/append-in-time.ts';
import { type KeyedRequest, keyedRequest } from '../requests/keyed-request.ts';
import { type OutstandingRequest, type OutstandingRequests, shareOf } from '../requests/outstanding-requests.ts';
import type { PriceLines } from './price-lines.ts';
import { type Commanded, type OrderCommand, pricedChange, requestFor, settledBy } from './requested-change.ts';

export interface CommandOrderOptions {
  topic: string;
  appender: Appender;
  orders: Pick<ReadOrder, 'fresh' | 'caughtUp'>;
  events: Pick<OrderEvents, 'requestOf'>;
  tail: Pick<OrderTail, 'waitRead'>;
  priceLines: PriceLines;
  outstanding: OutstandingRequests<OrderAnswer>;
  /** DECISION_WAIT_MS: for the answer, from the moment on at which the request is appended. */
  decisionWaitMs: number;
  now: () => number;
}

type Pending = OutstandingRequest<OrderAnswer>;
type Begun = { told: Commanded } | { earlier: AnsweredRequest | null; place: LogPosition | null; left: () => number };

/** As `CommandOrder`, for a command with a key. What its first request came to is asked before what the order is by now: 412 to a repetition would hide that. */
export const createKeyedCommands = (options: CommandOrderOptions) => {
  const { topic, appender, orders, events, tail, priceLines, outstanding, decisionWaitMs, now } = options;

  const inLog = async (found: StoredOrder, requestId: string): Promise<AnsweredRequest | null> => {
    const isAnswered = found.order.answeredRequests.includes(requestId);
    try {
      const asked = await events.requestOf(found, requestId);
      if (!isAnswered || asked?.answer) return asked;
    } catch (error) {
      // What the answer was, only the history says; without one, the order's row still says that there is none.
      if (isAnswered || !(error instanceof Problem && error.code === 'HISTORY_DROPPED')) throw error;
      return null;
    }
    // The database was restored, and the tail has not noticed yet.
    throw new AppError('DATABASE_UNAVAILABLE', `The archive does not have the answer to the request ${requestId}.`);
  };

  /** Null also where it cannot be read now: to reject would say that nothing was recorded. */
  const inLogByNow = async (orderId: string, requestId: string): Promise<AnsweredRequest | null> => {
    try {
      const found = await orders.fresh(orderId);
      return found && (await inLog(found, requestId));
    } catch (error) {
      if (error instanceof Problem || (error instanceof AppError && error.retryable)) return null;
      throw error;
    }
  };

  /** Resolves when the tail has read the request, or its answer, with the place of one of them; null: the outcome is unknown. */
  const append = (request: OrderRequest, traceparent: string | null, pending: Pending, left: () => number): Promise<LogPosition | null> => {
    const appended = appendOrGiveUp(appender, encodeOrderEvent(request, topic, traceparent));
    const read = appended.then(async (place) => {
      if (place !== null) await tail.waitRead(place, left());
      return place;
    });
    return Promise.race([read, pending.answer.then((answer) => answer.place)]);
  };

  /** The request is in the log, or may be: its answer, once there is one, or what is known when no time is left. */
  const awaited = async (
    orderId: string,
    { requestId, commandHash }: KeyedRequest,
    pending: Pending,
    left: () => number,
  ): Promise<AnsweredRequest | null> => {
    // Another with this key may have been first, and may be answered: then the processor gives no other answer.
    const known = await inLogByNow(orderId, requestId);
    if (known !== null && (known.answer !== null || known.request.data.command_hash !== commandHash)) return known;
    const answer = await pending.within(left());
    return answer === null ? known : inLogByNow(orderId, requestId);
  };

  /** Appends the request, unless the log has it; null when the outcome is unknown. Without a request to append: what the client is told. */
  const begin = async (command: OrderCommand, keyed: KeyedRequest, pending: Pending): Promise<Begun> => {
    for (let isCaughtUp = false; ; isCaughtUp = true) {
      const found = await orders.fresh(command.orderId);
      if (found === null) return { told: { outcome: 'not_found' } };
      const earlier = await inLog(found, keyed.requestId);
      if (earlier !== null) return { earlier, place: earlier.place, left: countdown(decisionWaitMs) };
      const change = await pricedChange(command.asked, priceLines);
      const request = requestFor(found, command, { change, keyed, now: now() });
      if (!('outcome' in request)) {
        const left = countdown(decisionWaitMs);
        return { earlier, place: await append(request, command.traceparent, pending, left), left };
      }
      if (isCaughtUp) return { told: request };
      // Another instance may have given this key its answer: that counts, not what this one would say.
      await orders.caughtUp(command.orderId);
    }
  };

  const perform = async (command: OrderCommand, keyed: KeyedRequest, pending: Pending): Promise<Commanded> => {
    const { requestId, commandHash } = keyed;
    const begun = await begin(command, keyed, pending);
    if ('told' in begun) return begun.told;
    const { earlier } = begun;
    const known = earlier?.answer ? earlier : await awaited(command.orderId, keyed, pending, begun.left);
    if (known !== null && known.request.data.command_hash !== commandHash) return { outcome: 'key_reused' };
    if (known?.answer) return settledBy(known.answer, changeOf(known.request), Boolean(earlier?.answer));
    const place = begun.place ?? known?.place ?? null;
    if (place === null) return { outcome: 'unknown', requestId };
    pending.abandon();
    return { outcome: 'pending', requestId, place };
  };

  return async (command: OrderCommand, key: string): Promise<Commanded> => {
    const { caller, orderId } = command;
    const keyed = keyedRequest({ caller, key, of: 'order', id: orderId }, canonical(command));
    // Before the log is asked: what is answered in between is heard.
    const pending = outstanding.register(keyed.requestId, shareOf(command.actor));
    try {
      return await perform(command, keyed, pending);
    } finally {
      pending.release();
    }
  };
};

const changeOf = ({ name, data }: OrderRequest): RequestedChange => {
  const { expected_version: _expected, command_hash: _hash, ...asked } = data;
  return { name, data: asked } as RequestedChange;
};

/** All ways to write the same command give the same; what the catalogue says meanwhile makes no other. */
const canonical = ({ asked, ifMatch }: OrderCommand): unknown[] => {
  if (asked.name !== 'OrderAmendmentRequested') return [asked.name, Object.entries(asked.data).sort(), ifMatch];
  const { items, totalMinor } = asked.lines;
  return [
    asked.name,
    items.map(({ product_id, quantity, unit_price_minor }) => [product_id, quantity, unit_price_minor]),
    totalMinor,
    ifMatch,
  ];
};
