// tests/integration/api/recount.ts: counts the orders of a topic again from the raw records, with nothing of the product.
// It has another client, another fold, other arithmetic. What it says the service must say too.

import { Kafka, type KafkaMessage, logLevel } from 'kafkajs';

type Status = 'pending' | 'processing' | 'completed' | 'cancelled' | 'rejected';

interface Counted {
  id: string;
  status: Status;
  facts: number;
  cents: bigint;
  parked: boolean;
  created: number;
  started: number;
  ended: number;
  changed: number;
  answered: Set<string>;
}

export interface Recount {
  records: number;
  /** Facts that arbitration passes over, requests, and refusals. */
  passedOver: number;
  count: (status: Status) => number;
  parked: number;
  /** In cents, of completed orders. */
  revenue: bigint;
  /** Milliseconds, of completed orders, ascending. */
  processing: number[];
  fromCreation: number[];
  /** Newest first. */
  ids: (status: Status) => string[];
}

/** Reads until the topic has given as many records as are told, once `total` resolves. */
export const recount = async (brokers: string[], topic: string, groupId: string, total: Promise<number>): Promise<Recount> => {
  const consumer = new Kafka({ brokers, clientId: 'recount', logLevel: logLevel.NOTHING }).consumer({ groupId });
  const orders = new Map<string, Counted>();
  let [records, passedOver, wanted] = [0, 0, Number.POSITIVE_INFINITY];
  const all = Promise.withResolvers<void>();
  const look = (): void => {
    if (records >= wanted) all.resolve();
  };
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 4,
    eachBatch: async ({ batch }) => {
      for (const message of batch.messages) if (!count(orders, message)) passedOver += 1;
      records += batch.messages.length;
      look();
    },
  });
  wanted = await total;
  look();
  await all.promise;
  await consumer.disconnect();

  const those = (status: Status): Counted[] => [...orders.values()].filter((order) => order.status === status);
  const completed = those('completed');
  const ascending = (numbers: number[]): number[] => numbers.sort((a, b) => a - b);
  return {
    records,
    passedOver,
    count: (status) => those(status).length,
    parked: [...orders.values()].filter(({ parked }) => parked).length,
    revenue: completed.reduce((sum, { cents }) => sum + cents, 0n),
    processing: ascending(completed.map(({ started, ended }) => ended - started)),
    fromCreation: ascending(completed.map(({ created, ended }) => ended - created)),
    ids: (status) =>
      those(status)
        .sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1))
        .map(({ id }) => id),
  };
};

/** False for what changes no order: docs/events.md. */
const count = (orders: Map<string, Counted>, { key, value, headers }: KafkaMessage): boolean => {
  const header = (name: string): string | undefined => headers?.[name]?.toString();
  const id = key!.toString();
  const name = header('ce_type')!.split('.')[1]!;
  const data = JSON.parse(value!.toString());
  const order = orders.get(id);
  const request = header('ce_causationid');
  if (name.endsWith('Requested')) return false;
  if (order !== undefined && request !== undefined && order.answered.has(request)) return false;
  if (name === 'OrderRequestRefused') {
    if (request !== undefined) order?.answered.add(request);
    return false;
  }
  const [number, time] = [Number(header('ce_orderversion')), Date.parse(header('ce_time')!)];
  if (order === undefined) {
    if (name !== 'OrderCreated' || number !== 1) return false;
    const cents = BigInt(data.total_minor);
    const times = { created: time, started: 0, ended: 0, changed: time };
    orders.set(id, { id, status: 'pending', facts: 1, cents, parked: false, ...times, answered: new Set() });
    return true;
  }
  if (number !== order.facts + 1 || !change(order, name, data, Math.max(time, order.changed))) return false;
  order.facts = number;
  order.changed = Math.max(time, order.changed);
  if (request !== undefined) order.answered.add(request);
  return true;
};

const change = (order: Counted, name: string, data: { total_minor: number }, at: number): boolean => {
  const { status } = order;
  const isOpen = status === 'pending' || status === 'processing';
  const end = (to: Status): boolean => {
    Object.assign(order, { status: to, ended: at, parked: false });
    return true;
  };
  if (name === 'OrderProcessing' && status === 'pending') Object.assign(order, { status: 'processing', started: at });
  else if (name === 'OrderCompleted' && status === 'processing') return end('completed');
  else if (name === 'OrderCancelled' && isOpen) return end('cancelled');
  else if (name === 'OrderRejected' && status === 'pending') return end('rejected');
  else if (name === 'OrderAmended' && status === 'pending') order.cents = BigInt(data.total_minor);
  else if (name === 'OrderParked' && isOpen && !order.parked) order.parked = true;
  else if (name === 'OrderUnparked' && order.parked) order.parked = false;
  else if (name === 'OrderFulfilmentAccepted' && status === 'processing' && !order.parked)
    return true; // none is accepted twice here
  else return false;
  return true;
};
