// processor/ledger/rebuild/read-log.ts: reads the two topics that the ledger follows from into a refold, up to given ends.

import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { productDecoderFor } from '../../../shared/log/codec/product-codec.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import { identityOf } from '../../../shared/log/identity/record-identity.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { recordsBefore } from '../../../shared/log/read/check-marks.ts';
import { readRange } from '../../../shared/log/read/read-range.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { topicId } from '../../../shared/log/topics/topic-id.ts';
import type { ProductEvent } from '../../../shared/product/events.ts';
import type { ReadMark } from '../ledger.ts';
import type { Refold } from './refold.ts';

export interface LedgerTopics {
  orders: string;
  products: string;
}

export type Ends = Record<keyof LedgerTopics, ReadonlyMap<number, number>>;

/** From where to where the topics have records. */
export interface Bounds {
  from: Ends;
  to: Ends;
}

/** A topic that does not exist begins and ends nowhere: it has no partitions. */
export const boundsOf = async (client: LogClient, topics: LedgerTopics): Promise<Bounds> => {
  const existing = await client.withAdmin((admin) => admin.listTopics());
  const boundsOfTopic = async (topic: string) => [...(existing.includes(topic) ? await logEnd(client, topic) : [])];
  // Orders first: whatever they have reserved, the products' end knows.
  const orders = await boundsOfTopic(topics.orders);
  const products = await boundsOfTopic(topics.products);
  const ends = (side: 'low' | 'high'): Ends => ({
    orders: new Map(orders.map(([partition, end]) => [partition, end[side]])),
    products: new Map(products.map(([partition, end]) => [partition, end[side]])),
  });
  return { from: ends('low'), to: ends('high') };
};

/** How many records lie between the two. */
export const distance = (from: Ends, to: Ends): number =>
  (['orders', 'products'] as const)
    .flatMap((topic) => Array.from(to[topic], ([partition, end]) => Math.max(0, end - (from[topic].get(partition) ?? 0))))
    .reduce((sum, each) => sum + each, 0);

/** What stands before the ends of a topic, so that the log is known again (R17). */
export const marksAt = async (client: LogClient, topic: string, ends: ReadonlyMap<number, number>): Promise<Map<number, ReadMark>> => {
  if (ends.size === 0) return new Map();
  const id = await topicId(client, topic);
  const bounds = await logEnd(client, topic);
  const places = Array.from(ends, ([partition, nextOffset]) => ({ partition, nextOffset }));
  const known = places.filter(({ partition, nextOffset }) => nextOffset > (bounds.get(partition)?.low ?? 0)); // what was deleted has no id
  const before = await recordsBefore(client, topic, known);
  const markOf = (partition: number, nextOffset: number): ReadMark => {
    const record = before.get(partition);
    return { nextOffset, topicId: id, lastEventId: record === undefined ? null : identityOf(record) };
  };
  return new Map(Array.from(ends, ([partition, nextOffset]) => [partition, markOf(partition, nextOffset)]));
};

export interface ReadLogOptions {
  client: LogClient;
  topics: LedgerTopics;
  from: Ends;
  to: Ends;
  refold: Refold;
  onProduct?: (partition: number, offset: number, event: ProductEvent) => void;
  onEvents?: (count: number) => void;
}

export const readLog = async ({ client, topics, from, to, refold, onProduct, onEvents }: ReadLogOptions): Promise<void> => {
  const read = (topic: keyof LedgerTopics, take: (record: LogRecord) => void): Promise<void> =>
    readRange({
      client,
      topic: topics[topic],
      from: new Map(Array.from(to[topic].keys(), (partition) => [partition, from[topic].get(partition) ?? 0])),
      to: to[topic],
      onRecords: (_, records) => {
        for (const record of records) take(record);
        onEvents?.(records.length);
      },
    });
  const [decodeProduct, decodeOrder] = [productDecoderFor(to.products.size), orderDecoderFor(to.orders.size)];
  await read('products', (record) => {
    const decoded = decodeProduct(record);
    if (!decoded.ok) return;
    refold.takeProductEvent(record.partition, record.offset, decoded.event);
    onProduct?.(record.partition, record.offset, decoded.event);
  });
  await read('orders', (record) => {
    const decoded = decodeOrder(record);
    if (decoded.ok) refold.takeOrderEvent(record.partition, record.offset, decoded.event);
  });
};
