// api/reads/order-history.ts: the history of one order, oldest first: from the archive, then from the tail.
// The tail has what the projector has not stored yet.

import { wireTypeOf } from '../../shared/log/codec/order-codec.ts';
import type { OrderCreated, OrderRequest } from '../../shared/order/events.ts';
import { answeredBy, evolve, type Order } from '../../shared/order/order.ts';
import { iso } from '../../shared/order/order-view.ts';
import type { StoredOrder } from '../../shared/postgres/tables/order-rows.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { Problem } from '../http/problems.ts';
import type { OrderTail } from './order-tail.ts';
import type { LogPosition } from './position-waits.ts';
import type { ReadModel } from './read-model.ts';
import type { LoggedEvent, OrderAnswer } from './tail-memory.ts';

export interface OrderEventsOptions {
  tail: Pick<OrderTail, 'unstoredEvents' | 'checkpoint' | 'reset'>;
  readModel: Pick<ReadModel, 'events' | 'archiveStart'>;
}

export interface AnsweredRequest {
  /** The first record of it: copies, and others under the same Idempotency-Key, ask for nothing. */
  request: OrderRequest;
  place: LogPosition;
  /** The first effective record that names it (R2), with the order as that left it; null: none yet. */
  answer: OrderAnswer | null;
}

/**
 * All of them reject with HISTORY_DROPPED where the order began before the archive does, and with DATABASE_UNAVAILABLE where the
 * archive has no beginning of it for another reason: half a history is never shown as if it were whole.
 */
export interface OrderEvents {
  /** At most `limit` events from this offset on, in log order: a prefix of what the log has, without holes but the unwanted. */
  page: (order: StoredOrder, from: number, limit: number, isWanted?: (event: LoggedEvent) => boolean) => Promise<LoggedEvent[]>;
  /** The order as its facts up to and including this time had made it; null before the first. */
  asOf: (order: StoredOrder, at: number) => Promise<Order | null>;
  /** Null if the log, as far as it was read, has no such request for the order. */
  requestOf: (order: StoredOrder, requestId: string) => Promise<AnsweredRequest | null>;
  /** The event that created the order. */
  creationOf: (order: StoredOrder) => Promise<OrderCreated>;
}

// An order has a handful of events; only one that is asked for changes for ever has more, and is read in pieces.
const HISTORY_PAGE = 500;

export const createOrderEvents = ({ tail, readModel }: OrderEventsOptions): OrderEvents => {
  /** `base`: the tail's, noted together with what it has. An archive that ends below lacks what memory has forgotten (R7, R8). */
  const archivedFrom = async ({ order, partition }: StoredOrder, base: number, from: number, limit: number): Promise<LoggedEvent[]> => {
    const { checkpoint, events } = await readModel.events({ orderId: order.orderId, partition }, from, limit);
    if (checkpoint >= base) return events;
    if (checkpoint < tail.checkpoint(partition)) tail.reset().catch(() => {}); // who composed the tail hears of a failure
    throw new AppError('DATABASE_UNAVAILABLE', 'The read model was rebuilt or restored during this read.');
  };
  const stretch = async (order: StoredOrder, from: number, limit: number): Promise<LoggedEvent[]> => {
    const { partition, createdOffset } = order;
    const { orderId } = order.order;
    // Noted before the archive is asked (R7): what is trimmed from memory meanwhile is in the archive by then.
    const base = tail.checkpoint(partition);
    const unstored = tail.unstoredEvents(orderId);
    const archived = await archivedFrom(order, base, from, limit);
    const next = (archived.at(-1)?.offset ?? from - 1) + 1;
    const recent = unstored.some(({ isOrphan }) => isOrphan) ? await judged(order, base, unstored) : unstored;
    const events = [...archived, ...recent.filter(({ offset }) => offset >= next)].slice(0, limit);
    const reaches = from <= createdOffset && (events.length < limit || events.at(-1)!.offset >= createdOffset);
    if (reaches && !events.some(({ offset }) => offset === createdOffset)) await refuseWithoutBeginning(order);
    return events;
  };
  const refuseWithoutBeginning = async ({ order: { orderId }, createdOffset }: StoredOrder): Promise<never> => {
    if (createdOffset < (await readModel.archiveStart()))
      throw new Problem('HISTORY_DROPPED', `The history of the order ${orderId} is not kept any more.`);
    // The database was restored, and the tail has not noticed yet.
    throw new AppError('DATABASE_UNAVAILABLE', `The archive does not have the creation of the order ${orderId}.`);
  };
  /** R2: of a closed order memory has forgotten what was answered, so it takes every refusal for the first. The row and the archive know. */
  const judged = async (stored: StoredOrder, base: number, unstored: readonly LoggedEvent[]): Promise<LoggedEvent[]> => {
    const { order, lastOffset } = stored;
    const answered = new Set(order.answeredRequests);
    const archived = await archivedFrom(stored, base, lastOffset + 1, HISTORY_PAGE);
    const next = (archived.at(-1)?.offset ?? lastOffset) + 1;
    for (const { event, effect } of archived) {
      const requestId = answeredBy(event, effect);
      if (requestId !== null) answered.add(requestId);
    }
    return unstored.map((logged) => {
      const { event, effect, isOrphan, offset } = logged;
      const requestId = answeredBy(event, effect);
      if (!isOrphan || requestId === null || offset < next) return logged;
      if (answered.has(requestId)) return { ...logged, effect: 'void' };
      answered.add(requestId);
      return logged;
    });
  };
  const page: OrderEvents['page'] = async (order, from, limit, isWanted = () => true) => {
    const wanted: LoggedEvent[] = [];
    for (let next = from; ; ) {
      const events = await stretch(order, next, limit);
      wanted.push(...events.filter(isWanted));
      if (events.length < limit || wanted.length >= limit) return wanted.slice(0, limit);
      next = events.at(-1)!.offset + 1;
    }
  };
  async function* all(order: StoredOrder): AsyncGenerator<LoggedEvent> {
    for (let from = order.createdOffset; ; ) {
      const events = await stretch(order, from, HISTORY_PAGE);
      yield* events;
      if (events.length < HISTORY_PAGE) return;
      from = events.at(-1)!.offset + 1;
    }
  }
  const asOf = async (stored: StoredOrder, at: number): Promise<Order | null> => {
    let order: Order | null = null;
    for await (const { event } of all(stored)) {
      const next = evolve(order, event);
      if (next.effect !== 'applied') order = next.order;
      else if (next.order!.updatedAt > at)
        break; // times never decrease within an order (R10)
      else order = next.order;
    }
    return order;
  };
  const requestOf: OrderEvents['requestOf'] = async (stored, requestId) => {
    let order: Order | null = null;
    let asked: Omit<AnsweredRequest, 'answer'> | null = null;
    // It may stand before the request, where that was lost, answered all the same, and given back to a log that had gone on (decision 20).
    let answer: OrderAnswer | null = null;
    for await (const { event, effect, partition, offset } of all(stored)) {
      order = evolve(order, event).order;
      const place = { partition, offset };
      if (event.kind === 'request' && event.id === requestId) asked ??= { request: event, place };
      else if (answeredBy(event, effect) === requestId) answer ??= { event, order, place };
      if (asked !== null && answer !== null) break;
    }
    return asked && { ...asked, answer };
  };
  const creationOf = async (order: StoredOrder): Promise<OrderCreated> => {
    const [recent] = tail.unstoredEvents(order.order.orderId);
    const [first] = recent?.offset === order.createdOffset ? [recent] : await stretch(order, order.createdOffset, 1);
    return first!.event as OrderCreated; // the record at this offset is the one that made the order
  };
  return { page, asOf, requestOf, creationOf };
};

export const eventView = (topic: string, { event, effect, partition, offset }: LoggedEvent) => ({
  id: event.id,
  type: wireTypeOf(event.name),
  version: event.kind === 'fact' ? event.version : null,
  effect,
  time: iso(event.time),
  actor: event.actor,
  causation_id: event.causationId,
  position: { topic, partition, offset },
  data: event.data,
});
