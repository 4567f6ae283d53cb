// bench/system/fill-log.ts: fills a log with the lives of completed orders, past the service, as fast as the broker appends them.
// It is for measuring a rebuild of a size that would take the service too long to reach.

import { randomUUIDv7 } from 'node:crypto';
import { createAppender } from '../../shared/log/append/appender.ts';
import { encodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import { createLogClient } from '../../shared/log/connect/client.ts';
import { logEnd } from '../../shared/log/topics/offsets.ts';
import type { OrderEvent } from '../../shared/order/events.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import { createdData } from './created-data.ts';

export interface FillOptions {
  kafka: string;
  topic: string;
  partitions: number;
  /** The log is filled up to this many events; one that has as many is left alone. */
  events: number;
  onProgress: (events: number) => void;
}

const EVENTS_PER_ORDER = 3;
// Several rounds of the appender's: the next ones are ready when one is answered. Far below its limit of 20,000.
const ORDERS_AT_ONCE = 1_000;
const PRODUCTS = 500;
const USERS = 1_000;
const PROGRESS_EVERY_EVENTS = 100_000;

/** Resolves with how many events the log has. The lives of several orders are interleaved, as in real traffic. */
export const fillLog = async ({ kafka, topic, partitions, events, onProgress }: FillOptions): Promise<number> => {
  const client = createLogClient({ brokers: kafka.split(','), clientId: 'bench', logger: createLogger('bench', 'silent') });
  const ends = [...(await logEnd(client, topic)).values()];
  let inLog = ends.reduce((total, { low, high }) => total + high - low, 0);
  const appender = createAppender({ client, partitionCounts: new Map([[topic, partitions]]) });
  try {
    for (let order = 0, told = inLog; inLog < events; order += ORDERS_AT_ONCE) {
      const lives = Array.from({ length: Math.min(ORDERS_AT_ONCE, Math.ceil((events - inLog) / EVENTS_PER_ORDER)) }, (_, index) =>
        lifeOf(order + index),
      );
      for (let step = 0; step < EVENTS_PER_ORDER; step += 1) {
        await Promise.all(lives.map((life) => appender.append(encodeOrderEvent(life[step]!, topic))));
      }
      inLog += lives.length * EVENTS_PER_ORDER;
      if (inLog - told < PROGRESS_EVERY_EVENTS) continue;
      told = inLog;
      onProgress(inLog);
    }
    return inLog;
  } finally {
    await appender.stop();
  }
};

const lifeOf = (index: number): [OrderEvent, OrderEvent, OrderEvent] => {
  const orderId = randomUUIDv7();
  const userId = String(100 + (index % USERS));
  const now = Date.now();
  const envelope = (time: number) => ({ id: randomUUIDv7(), orderId, time, causationId: null, correlationId: randomUUIDv7() });
  const items = Array.from({ length: 1 + (index % 3) }, (_, item) => ({
    product_id: String((index * 7 + item * 131) % PRODUCTS),
    quantity: 1 + ((index + item) % 4),
    unit_price_minor: null,
    stocked: false,
  }));
  const created = createdData({ user_id: userId, items, total_minor: 1_000 + (index % 50_000) });
  const fact = { kind: 'fact', actor: 'system:processor' } as const;
  return [
    { ...envelope(now), kind: 'fact', name: 'OrderCreated', version: 1, actor: 'anonymous', data: created },
    {
      ...envelope(now + 5),
      ...fact,
      name: 'OrderProcessing',
      version: 2,
      data: { user_id: userId, previous_status: 'pending', reserved: [] },
    },
    { ...envelope(now + 10), ...fact, name: 'OrderCompleted', version: 3, data: { user_id: userId, previous_status: 'processing' } },
  ];
};
