// processor/ledger/rebuild/read-log.ts: reads the two topics that the ledger follows from into a refold, up to given ends.

import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { productDecoderFor } from '../../../shared/log/codec/product-codec.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { readRange } from '../../../shared/log/read/read-range.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import type { ProductEvent } from '../../../shared/product/events.ts';
import type { Refold } from './refold.ts';

export interface LedgerTopics {
  orders: string;
  products: string;
}

export type Ends = Record<keyof LedgerTopics, ReadonlyMap<number, number>>;

/** A topic that does not exist ends nowhere: it has no partitions. */
export const endsOf = async (client: LogClient, topics: LedgerTopics): Promise<Ends> => {
  const existing = await client.withAdmin((admin) => admin.listTopics());
  const endOf = async (topic: string): Promise<Map<number, number>> => {
    if (!existing.includes(topic)) return new Map();
    return new Map(Array.from(await logEnd(client, topic), ([partition, { high }]) => [partition, high]));
  };
  // Orders first: whatever they have reserved, the products' end knows.
  const orders = await endOf(topics.orders);
  return { orders, products: await endOf(topics.products) };
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
