// tests/simulation/truth/truth.ts: what the log says, folded record by record as records become readable, with nothing forgotten. All
// that roles and clients claim is measured against this. Of the product it uses the codec and the core's `evolve`.

import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { type LogRecord, offsetAfter } from '../../../shared/log/log.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import type { OrderStatus } from '../../../shared/order/lifecycle.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import { type Effect, evolve, type Order } from '../../../shared/order/order.ts';
import { orderView } from '../../../shared/order/order-view.ts';
import { bringsStock } from '../../../shared/order/stock.ts';

export interface TrueEvent {
  event: OrderEvent;
  effect: Effect;
  partition: number;
  offset: number;
}

/** An applied fact. */
export interface TrueChange {
  order: Order;
  name: OrderEvent['name'];
  previousStatus: OrderStatus | null;
  offset: number;
}

export interface TrueOrder {
  order: Order;
  partition: number;
  createdOffset: number;
  lastOffset: number;
  created: OrderEvent;
  /** In log order: the fact of version 1 first. */
  changes: TrueChange[];
  usesStock: boolean;
}

export interface TrueRequest {
  orderId: string;
  partition: number;
  offset: number;
  /** Effective records that name it. */
  answers: TrueEvent[];
}

export interface Truth {
  take: (record: LogRecord) => TrueEvent | null;
  /** The log has lost records: what it has now is to be taken again from its beginning. */
  forget: () => void;
  orders: Map<string, TrueOrder>;
  requests: Map<string, TrueRequest>;
  /** By partition, in log order. */
  changes: TrueChange[][];
  /** By partition and offset; null: cannot be decoded; nothing where a batch goes on that nobody opens. */
  events: (TrueEvent | null)[][];
  /** The order as the log has it below this offset; null before its creation. */
  orderBelow: (orderId: string, offset: number) => Order | null;
  /** Why this cannot be what the log says of the order at this version; null if it is. */
  contradiction: (claimed: Order) => string | null;
}

export const createTruth = (partitionCount: number): Truth => {
  const decode = orderDecoderFor(partitionCount);
  const orders = new Map<string, TrueOrder>();
  const requests = new Map<string, TrueRequest>();
  /** Answers that stand before their request, as where a lost request was given back to a log that has gone on. */
  const early = new Map<string, TrueEvent[]>();
  const changes: TrueChange[][] = Array.from({ length: partitionCount }, () => []);
  const events: (TrueEvent | null)[][] = Array.from({ length: partitionCount }, () => []);

  const noteChange = (known: TrueOrder | undefined, order: Order, { event, partition, offset }: TrueEvent): void => {
    const change = { order, name: event.name, previousStatus: known?.order.status ?? null, offset };
    changes[partition]!.push(change);
    const entry = known ?? { order, partition, createdOffset: offset, lastOffset: offset, created: event, changes: [], usesStock: false };
    entry.changes.push(change);
    if (event.kind === 'fact') entry.usesStock ||= bringsStock(event);
    orders.set(order.orderId, entry);
  };
  const noteAnswer = (answer: TrueEvent, known: TrueOrder | undefined): void => {
    const id = answer.event.causationId!;
    const request = requests.get(id);
    if (request === undefined && known !== undefined) early.set(id, [...(early.get(id) ?? []), answer]);
    // Of an order that the log does not have nobody remembers which requests were refused: repeated refusals are one.
    if (request && (known !== undefined || request.answers.length === 0)) request.answers.push(answer);
  };

  const take = (record: LogRecord): TrueEvent | null => {
    const { partition, offset } = record;
    const decoded = decode(record);
    if (!decoded.ok) {
      events[partition]![offset] = null;
      events[partition]!.length = offsetAfter(record);
      return null;
    }
    const { event } = decoded;
    const known = orders.get(event.orderId);
    const { order, effect } = evolve(known?.order ?? null, event);
    const taken = { event, effect, partition, offset };
    events[partition]!.push(taken);
    if (effect === 'request' && !requests.has(event.id))
      requests.set(event.id, { orderId: event.orderId, partition, offset, answers: early.get(event.id) ?? [] });
    if (effect === 'applied' && order !== null) noteChange(known, order, taken);
    if ((effect === 'applied' || effect === 'refusal') && event.causationId !== null) noteAnswer(taken, known);
    const entry = orders.get(event.orderId);
    if (entry && order !== null && order !== entry.order) Object.assign(entry, { order, lastOffset: offset });
    return taken;
  };

  return {
    take,
    forget: () => {
      orders.clear();
      requests.clear();
      early.clear();
      for (const each of [...changes, ...events]) each.length = 0;
    },
    orders,
    requests,
    changes,
    events,
    orderBelow: (orderId, offset) => orders.get(orderId)?.changes.findLast((change) => change.offset < offset)?.order ?? null,
    contradiction: (claimed) => {
      const known = orders.get(claimed.orderId);
      const then = known?.changes[claimed.version - 1]?.order;
      if (then === undefined) return `${claimed.orderId} has no version ${claimed.version} in the log`;
      const [said, true_] = [JSON.stringify(orderView(claimed)), JSON.stringify(orderView(then))];
      return said === true_ ? null : `${claimed.orderId} at version ${claimed.version} is ${said}, by the log ${true_}`;
    },
  };
};

/** Open, and nothing that anybody has asked for stands in its way. */
export const isStuck = ({ order }: TrueOrder): boolean => !isTerminal(order.status) && order.parked === null;
