// projector/rebuild/fill.ts: projects a stretch of the log into a store, partition after partition, as fast as possible.
// So most orders are complete within one batch and are written once. A few lanes run at a time, each reading ahead while a batch commits.

import type { DecodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import type { LogRecord } from '../../shared/log/log.ts';
import { readRange } from '../../shared/log/read/read-range.ts';
import { decodeAll } from '../decode-batch.ts';
import { createOrderCache } from '../order-cache.ts';
import { project } from '../project.ts';
import type { Store } from '../store/store.ts';

export interface FillOptions {
  client: LogClient;
  topic: string;
  store: Store;
  decode: DecodeOrderEvent;
  /** Partition → first offset: where the store's checkpoints stand. */
  from: ReadonlyMap<number, number>;
  /** Partition → offset after the last. */
  to: ReadonlyMap<number, number>;
  /** Partitions projected at the same time. */
  lanes: number;
  /** After every commit, with the number of its records. */
  onEvents: (count: number) => void;
}

// Per lane: orders that stay open over more than one batch. Others are loaded.
const CACHE_ORDERS_MAX = 50_000;

/** Resolves when the store contains all of it. Rejects as reading, decoding or committing does; what is committed stays. */
export const fill = async ({ from, to, lanes, ...options }: FillOptions): Promise<void> => {
  const queue = [...to].filter(([partition, end]) => end > (from.get(partition) ?? 0)).map(([partition]) => partition);
  const failed = new AbortController();
  const lane = async (): Promise<void> => {
    for (let partition = queue.shift(); partition !== undefined; partition = queue.shift()) {
      await fillPartition({ ...options, partition, from: from.get(partition) ?? 0, to: to.get(partition)!, signal: failed.signal });
    }
  };
  const guarded = async (): Promise<void> => {
    try {
      await lane();
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: lanes }, guarded));
  if (failed.signal.aborted) throw failed.signal.reason;
  for (const result of results) if (result.status === 'rejected') throw result.reason;
};

interface PartitionOptions extends Pick<FillOptions, 'client' | 'topic' | 'store' | 'decode' | 'onEvents'> {
  partition: number;
  from: number;
  to: number;
  signal: AbortSignal;
}

const fillPartition = async ({ client, topic, store, decode, onEvents, partition, from, to, signal }: PartitionOptions): Promise<void> => {
  const cache = createOrderCache(CACHE_ORDERS_MAX);

  const commit = async (records: LogRecord[]): Promise<void> => {
    const { records: decoded, failure } = decodeAll(records, decode);
    if (failure !== null) throw failure;
    const unknown = new Set<string>();
    for (const { decoded: each } of decoded) if (each.ok && !cache.has(each.event.orderId)) unknown.add(each.event.orderId);
    const loaded = await store.load([...unknown]);
    const batch = project(decoded, (orderId) => cache.get(orderId) ?? loaded.get(orderId) ?? null);
    await store.commit(batch);
    for (const { after } of batch.changes) cache.set(after);
    onEvents(records.length);
  };

  // The reader that hands over records waits for the batch before them: one commits, one waits, one may be on its way.
  let last: Promise<void> = Promise.resolve();
  const onRecords = (_: number, records: LogRecord[]): Promise<void> => {
    const previous = last;
    last = previous.then(() => commit(records));
    last.catch(() => {}); // seen by the next hand-over, or below
    return previous;
  };
  await readRange({ client, topic, from: new Map([[partition, from]]), to: new Map([[partition, to]]), onRecords, signal });
  await last;
};
