// tests/oracle/fold.ts: what the records of the topic `orders` mean, written down once more from the design.
// From its sections 1 to 3 and from nothing else: the product's own fold is what is judged by it.

import type { RawRecord } from './protocol/batch.ts';

export type Effect = 'applied' | 'void' | 'request' | 'refusal' | 'undecodable';

export interface RawEvent {
  id: string;
  name: string;
  orderId: string;
  version: number | null;
  causationId: string | null;
  correlationId: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: the data of fifteen types, of which each check reads a few fields
  data: any;
}

export interface Verdict {
  partition: number;
  offset: number;
  effect: Effect;
  event: RawEvent | null;
}

export interface Moment {
  status: string;
  totalMinor: number;
}

export interface FoldedOrder {
  orderId: string;
  created: RawEvent;
  status: string;
  totalMinor: number;
  parked: boolean;
  /** The endpoint of fulfilment has it: under this reference, which may be null; undefined: it has not. */
  accepted: string | null | undefined;
  /** What the order was at version 1, 2, …; its length is the version. */
  history: Moment[];
  items: { product_id: string; quantity: number; stocked: boolean }[];
  reserved: { product_id: string; quantity: number }[];
  answered: Set<string>;
}

export interface Folded {
  orders: Map<string, FoldedOrder>;
  verdicts: Verdict[];
}

// status: the statuses it may come from; and the fact that leads to it.
const MOVES: Record<string, { to: string; from: string[] }> = {
  OrderProcessing: { to: 'processing', from: ['pending'] },
  OrderCompleted: { to: 'completed', from: ['processing'] },
  OrderCancelled: { to: 'cancelled', from: ['pending', 'processing'] },
  OrderRejected: { to: 'rejected', from: ['pending'] },
};
const OTHER_FACTS = ['OrderCreated', 'OrderAmended', 'OrderParked', 'OrderUnparked', 'OrderFulfilmentAccepted'];
const REQUESTS = [
  'OrderCancellationRequested',
  'OrderStatusChangeRequested',
  'OrderAmendmentRequested',
  'OrderRedriveRequested',
  'OrderFulfilmentReported',
];
const REFUSAL = 'OrderRequestRefused';
const isFact = (name: string): boolean => name in MOVES || OTHER_FACTS.includes(name);
const isEnd = (status: string): boolean => ['completed', 'cancelled', 'rejected'].includes(status);
export const isOpen = ({ status }: { status: string }): boolean => !isEnd(status);

/** Records by partition and offset. */
export const foldOrders = (records: readonly RawRecord[]): Folded => {
  const orders = new Map<string, FoldedOrder>();
  const verdicts = records.map((record): Verdict => {
    const event = eventOf(record);
    const { partition, offset } = record;
    return { partition, offset, event, effect: event === null ? 'undecodable' : effectOf(orders, event) };
  });
  return { orders, verdicts };
};

const eventOf = ({ isMisplaced = false, key, headers, value }: RawRecord): RawEvent | null => {
  if (isMisplaced) return null;
  const { ce_id: id, ce_type: type = '', ce_subject: subject, ce_time: time } = headers;
  const name = /^orders\.(\w+)\.v1$/.exec(type)?.[1] ?? '';
  const known = isFact(name) || REQUESTS.includes(name) || name === REFUSAL;
  if (headers.ce_specversion !== '1.0' || !known || !id || !subject || !time || key !== subject) return null;
  if (isFact(name) !== /^[1-9]\d*$/.test(headers.ce_orderversion ?? '')) return null;
  const data = jsonObject(value);
  if (data === null || (name === 'OrderCreated' && !(Array.isArray(data.items) && Number.isInteger(data.total_minor)))) return null;
  return {
    id,
    name,
    orderId: subject,
    version: isFact(name) ? Number(headers.ce_orderversion) : null,
    causationId: headers.ce_causationid ?? null,
    correlationId: headers.ce_correlationid ?? null,
    data,
  };
};

export const jsonObject = (text: string | null): Record<string, unknown> | null => {
  try {
    const data: unknown = JSON.parse(text ?? '');
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};

const effectOf = (orders: Map<string, FoldedOrder>, event: RawEvent): Effect => {
  const order = orders.get(event.orderId);
  const { name, causationId } = event;
  if (REQUESTS.includes(name)) return 'request';
  if (causationId !== null && order?.answered.has(causationId)) return 'void';
  if (name !== REFUSAL && !apply(orders, order, event)) return 'void';
  if (causationId !== null) order?.answered.add(causationId);
  return name === REFUSAL ? 'refusal' : 'applied';
};

/** False where the version is not the next one or the lifecycle does not lead there. */
const apply = (orders: Map<string, FoldedOrder>, order: FoldedOrder | undefined, event: RawEvent): boolean => {
  const { name, data } = event;
  if (event.version !== (order?.history.length ?? 0) + 1) return false;
  if (order === undefined) {
    if (name !== 'OrderCreated') return false;
    orders.set(event.orderId, newOrder(event));
    return true;
  }
  const move = MOVES[name];
  if (move !== undefined) {
    if (!move.from.includes(order.status)) return false;
    order.status = move.to;
    if (isEnd(move.to)) Object.assign(order, { parked: false, accepted: undefined });
    if (name === 'OrderProcessing') order.reserved = data.reserved;
  } else if (name === 'OrderAmended') {
    if (order.status !== 'pending') return false;
    Object.assign(order, { items: data.items, totalMinor: data.total_minor });
  } else if (name === 'OrderFulfilmentAccepted') {
    if (order.status !== 'processing' || order.parked || order.accepted !== undefined) return false;
    order.accepted = data.reference;
  } else {
    const parks = name === 'OrderParked';
    if (!parks && name !== 'OrderUnparked') return false;
    if (isEnd(order.status) || order.parked === parks) return false;
    Object.assign(order, { parked: parks, accepted: undefined });
  }
  order.history.push({ status: order.status, totalMinor: order.totalMinor });
  return true;
};

const newOrder = (created: RawEvent): FoldedOrder => {
  const { items, total_minor: totalMinor } = created.data;
  const first = { status: 'pending', totalMinor };
  return {
    ...first,
    orderId: created.orderId,
    created,
    parked: false,
    accepted: undefined,
    history: [first],
    items,
    reserved: [],
    answered: new Set(),
  };
};
