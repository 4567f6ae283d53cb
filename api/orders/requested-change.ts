// api/orders/requested-change.ts: from a command to the request to append, and from the processor's answer to what the client is told.
// What the order as of now rules out gets no request. Pure, but for the catalogue that prices an amendment.

import { randomUUIDv7 } from 'node:crypto';
import type { OrderRequest } from '../../shared/order/events.ts';
import { isTerminal } from '../../shared/order/lifecycle.ts';
import type { Order } from '../../shared/order/order.ts';
import { type RequestedChange, ruledOut } from '../../shared/order/ruled-out.ts';
import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';
import { expectedVersion, type IfMatch } from '../http/preconditions.ts';
import type { LogPosition } from '../reads/position-waits.ts';
import type { OrderAnswer } from '../reads/tail-memory.ts';
import type { KeyedRequest } from '../requests/keyed-request.ts';
import type { SentLines } from './new-order.ts';
import type { PriceLines } from './price-lines.ts';

/** A change as the client asked for it: the catalogue has not priced what is ordered. */
export type AskedChange =
  | Exclude<RequestedChange, { name: 'OrderAmendmentRequested' }>
  | { name: 'OrderAmendmentRequested'; lines: SentLines };

export interface OrderCommand {
  orderId: string;
  ifMatch: IfMatch;
  /** The user or client id; `anonymous` without access control. */
  caller: string;
  actor: string;
  idempotencyKey: string | null;
  correlationId: string | null;
  traceparent: string | null;
  asked: AskedChange;
}

/** What the order is, or was, when nothing more was to be decided. `replayed`: this answer was given before, to the same command. */
export type Settled =
  /** The order as the answering fact left it. */
  | { outcome: 'applied'; order: Order; place: LogPosition; replayed: boolean }
  /** It is as asked already, perhaps by another client's request; `place` is where the log says so. */
  | { outcome: 'unchanged'; order: Order; place: LogPosition; replayed: boolean }
  /** By the processor, with its code; or by what the order is already, then nothing was recorded. */
  | { outcome: 'refused'; code: string; detail: string; place: LogPosition | null; replayed: boolean };

export type Commanded =
  | Settled
  | { outcome: 'not_found' }
  /** The Idempotency-Key was used for another command. */
  | { outcome: 'key_reused' }
  /** The request is in the log; the answer, or what it means for the order, did not come in time. */
  | { outcome: 'pending'; requestId: string; place: LogPosition }
  /** The request may or may not be in the log, now or later. */
  | { outcome: 'unknown'; requestId: string };

// What the order became between the api's reading and the processor's: a client that asked for just that gets the same answer,
// whether the api knew it before the append or not. A processor that took over does not know the orders that had closed, and says that
// there is none.
const MOVED_ON: ReadonlySet<string> = new Set(['ILLEGAL_TRANSITION', 'ORDER_NOT_FOUND']);

/** Rejects with what is wrong with an amendment's price. */
export const pricedChange = async (asked: AskedChange, priceLines: PriceLines): Promise<RequestedChange> => {
  if (asked.name !== 'OrderAmendmentRequested') return asked;
  const { items, totalMinor } = await priceLines(asked.lines);
  return { name: asked.name, data: { items, total_minor: totalMinor } };
};

/** The request to append, or the answer without one. */
export const requestFor = (
  { order, partition, lastOffset }: StoredOrder,
  command: OrderCommand,
  { change, keyed, now }: { change: RequestedChange; keyed: KeyedRequest | null; now: number },
): OrderRequest | Settled => {
  const expected = expectedVersion(command.ifMatch, order.version);
  if (expected === 'impossible')
    return refused('VERSION_MISMATCH', `The order has version ${order.version}; If-Match names none that it can still have.`);
  const ruling = ruledOut(order, change);
  // With a key the log says so: what is as asked now may be otherwise when the client asks again.
  const isForGood = keyed === null || isTerminal(order.status);
  if (ruling === 'unchanged' && isForGood)
    return { outcome: 'unchanged', order, place: { partition, offset: lastOffset }, replayed: false };
  if (ruling !== null && ruling !== 'unchanged') return refused('ILLEGAL_TRANSITION', ruling.impossible);
  return {
    kind: 'request',
    name: change.name,
    id: keyed?.requestId ?? randomUUIDv7(),
    orderId: order.orderId,
    time: now,
    actor: command.actor,
    causationId: null,
    correlationId: command.correlationId,
    data: { ...change.data, expected_version: expected, command_hash: keyed?.commandHash ?? null },
  } as OrderRequest;
};

const refused = (code: string, detail: string): Settled => ({ outcome: 'refused', code, detail, place: null, replayed: false });

export const settledBy = ({ event, order, place }: OrderAnswer, change: RequestedChange, replayed: boolean): Settled => {
  if (event.kind !== 'refusal') return { outcome: 'applied', order: order!, place, replayed };
  const { code, detail } = event.data;
  if (order === null || !MOVED_ON.has(code)) return { outcome: 'refused', code, detail, place, replayed };
  const ruling = ruledOut(order, change);
  if (ruling === 'unchanged') return { outcome: 'unchanged', order, place, replayed };
  return { outcome: 'refused', code: 'ILLEGAL_TRANSITION', detail: ruling?.impossible ?? detail, place, replayed };
};
