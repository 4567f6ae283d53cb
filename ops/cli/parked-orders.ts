// ops/cli/parked-orders.ts: parked orders for the operator's command line: which there are, and asking for their redrive. It asks as
// the api does, with a request in the log, and hears the processor's answer from the log (R2).

import { randomUUIDv7 } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { appendOrGiveUp } from '../../api/requests/append-in-time.ts';
import { decodeOrderEvent, encodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import type { Appender, LogRecord } from '../../shared/log/log.ts';
import { followLog } from '../../shared/log/read/follow.ts';
import type { OrderRequest } from '../../shared/order/events.ts';
import { answeredBy, evolve, type Order } from '../../shared/order/order.ts';
import { BEGIN_SNAPSHOT, type Client, type Database } from '../../shared/postgres/database.ts';
import { readNextOffsets } from '../../shared/postgres/tables/checkpoints.ts';
import { ORDER_COLUMNS, type OrderRow, storedOrder } from '../../shared/postgres/tables/order-rows.ts';

export interface ParkedFilter {
  orderIds?: readonly string[];
  code?: string;
  /** Parked no later than this, epoch milliseconds. */
  before?: number;
  limit: number;
}

export interface ParkedOrders {
  orders: Order[];
  /** Partition → the first record of the log that the orders do not contain. */
  from: Map<number, number>;
}

const SELECT = `
  SELECT ${ORDER_COLUMNS.join(', ')} FROM orders
  WHERE parked IS NOT NULL AND ($1::text[] IS NULL OR order_id = ANY ($1))
    AND ($2::text IS NULL OR parked ->> 'code' = $2) AND ($3::int8 IS NULL OR (parked ->> 'since')::int8 <= $3)
  ORDER BY created_at, order_id LIMIT $4`;

/** The oldest `limit` of those that are meant, as of one moment of the read model. */
export const findParked = (database: Database, topic: string, filter: ParkedFilter): Promise<ParkedOrders> =>
  database.transaction(async (client: Client) => {
    const from = await readNextOffsets(client, topic);
    const values = [filter.orderIds ?? null, filter.code ?? null, filter.before ?? null, filter.limit];
    const { rows } = await client.query<OrderRow>(SELECT, values);
    return { orders: rows.map((row) => storedOrder(row).order), from };
  }, BEGIN_SNAPSHOT);

export interface Redriven {
  orderId: string;
  /** `unanswered`: the request is in the log, or may be; a processor answers it when one runs. */
  outcome: 'redriven' | 'refused' | 'unanswered';
  code: string | null;
  detail: string | null;
}

export interface RedriveOptions {
  client: LogClient;
  appender: Appender;
  topic: string;
  parked: ParkedOrders;
  onAnswered: (count: number) => void;
}

// While no processor answers at all: a take-over needs some ten seconds.
const SILENCE_MAX_MS = 30_000;
// Far below what the appender holds, so that no request is refused for want of room.
const ASKED_AT_ONCE_MAX = 1_000;

/** Asks for the redrive of every order, and waits for the answers. Rejects when the log cannot be read. */
export const redriveParked = async ({ client, appender, topic, parked, onAnswered }: RedriveOptions): Promise<Redriven[]> => {
  const folds = new Map<string, Order | null>(parked.orders.map((order) => [order.orderId, order]));
  const unanswered = new Map<string, string>(); // request → order
  const results = new Map<string, Redriven>();
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined); // it may come when this run waits no more
  let heard = Promise.withResolvers<void>();

  const onRecord = (record: LogRecord): void => {
    const decoded = decodeOrderEvent(record);
    if (!decoded.ok) return;
    const { event } = decoded;
    const known = folds.get(event.orderId);
    if (known === undefined) return;
    const { order, effect } = evolve(known, event);
    folds.set(event.orderId, order);
    const requestId = answeredBy(event, effect);
    if (requestId === null || !unanswered.delete(requestId)) return;
    const no = event.kind === 'refusal' ? event.data : { code: null, detail: null };
    results.set(event.orderId, { orderId: event.orderId, outcome: event.kind === 'refusal' ? 'refused' : 'redriven', ...no });
    onAnswered(results.size);
    heard.resolve();
    heard = Promise.withResolvers();
  };
  const reading = followLog({ client, topic, from: parked.from, onRecords: (_, records) => records.forEach(onRecord), onFatal: reject });

  const ask = async ({ orderId }: Order): Promise<void> => {
    const request = requestFor(orderId);
    unanswered.set(request.id, orderId);
    await appendOrGiveUp(appender, encodeOrderEvent(request, topic)); // null: perhaps it is in the log all the same
  };
  const answered = async (): Promise<void> => {
    while (unanswered.size > 0) {
      const silence = new AbortController();
      const tooLong = delay(SILENCE_MAX_MS, 'silence', { signal: silence.signal }).catch(() => 'heard');
      const next = await Promise.race([heard.promise, tooLong]);
      silence.abort();
      if (next === 'silence') return;
    }
  };
  try {
    for (let i = 0; i < parked.orders.length; i += ASKED_AT_ONCE_MAX) {
      await Promise.race([Promise.all(parked.orders.slice(i, i + ASKED_AT_ONCE_MAX).map(ask)), failed]);
      await Promise.race([answered(), failed]);
      if (unanswered.size > 0) break; // no processor answers: what is not asked yet is better asked later
    }
  } finally {
    reading.stop();
  }
  return parked.orders.map(({ orderId }) => results.get(orderId) ?? { orderId, outcome: 'unanswered', code: null, detail: null });
};

const requestFor = (orderId: string): OrderRequest => ({
  kind: 'request',
  name: 'OrderRedriveRequested',
  id: randomUUIDv7(),
  orderId,
  time: Date.now(),
  actor: 'system:operator',
  causationId: null,
  correlationId: null,
  data: { expected_version: null, command_hash: null },
});
