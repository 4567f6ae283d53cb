// tests/support/in-memory/store.ts: the read model in maps, with the same promises as PostgreSQL's (tests/integration/projector/
// store-contract.ts runs on both), and failures on demand.

import type { Batch } from '../../../projector/project.ts';
import { type Counters, zeroCounters } from '../../../projector/projections/counters.ts';
import type { Checkpoint, Store } from '../../../projector/store.ts';
import { packHeaders } from '../../../shared/log/raw-headers.ts';
import type { StoredOrder } from '../../../shared/postgres/order-rows.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';

/** Everything that the read model says, in a form that can be compared. */
export interface Tables {
  orders: StoredOrder[];
  /** `product createdAt order` */
  products: string[];
  archive: ArchiveRow[];
  /** Partitions with orders only. */
  counters: Record<number, Counters>;
  /** `partition/bucket` → count */
  histogram: Record<string, number>;
  checkpoints: Record<number, Omit<Checkpoint, 'partition'>>;
}

export interface ArchiveRow {
  position: string;
  orderId: string | null;
  type: string | null;
  effect: string;
  recordedAt: number;
  key: string | null;
  headers: string;
  value: string | null;
}

export interface InMemoryStore extends Store {
  tables(): Tables;
  /** Called before every commit; may throw, or wait. */
  beforeCommit: (batch: Batch) => void | Promise<void>;
  /** Moves a checkpoint, as another projector or a restored backup would. */
  setCheckpoint(partition: number, nextOffset: number): void;
  commits: number;
  loads: string[][];
}

const base64 = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null;

export const createInMemoryStore = (): InMemoryStore => {
  const orders = new Map<string, StoredOrder>();
  const products = new Set<string>();
  const archive: ArchiveRow[] = [];
  const counters = new Map<number, Counters>();
  const histogram = new Map<string, number>();
  const checkpoints = new Map<number, Checkpoint>();

  const write = (batch: Batch): void => {
    for (const { partition, to, lastEventId } of batch.moves) {
      checkpoints.set(partition, { ...checkpoints.get(partition)!, nextOffset: to, lastEventId });
    }
    for (const { after } of batch.changes) orders.set(after.order.orderId, structuredClone(after));
    for (const row of batch.products.removed) products.delete(`${row.productId} ${row.createdAt} ${row.orderId}`);
    for (const row of batch.products.added) products.add(`${row.productId} ${row.createdAt} ${row.orderId}`);
    for (const { record, ...row } of batch.archive) {
      const { partition, offset, key, headers, value } = record;
      const bytes = { key: base64(key), headers: base64(packHeaders(headers))!, value: base64(value) };
      archive.push({ position: `${partition}@${offset}`, ...row, ...bytes });
    }
    for (const [partition, delta] of batch.counters) {
      const sums = counters.get(partition) ?? zeroCounters();
      for (const name of Object.keys(delta) as (keyof Counters)[]) sums[name] += delta[name];
      counters.set(partition, sums);
    }
    for (const { partition, bucket, count } of batch.processingTimes) {
      histogram.set(`${partition}/${bucket}`, (histogram.get(`${partition}/${bucket}`) ?? 0) + count);
    }
  };

  const store: InMemoryStore = {
    commits: 0,
    loads: [],
    beforeCommit: () => {},
    load: async (orderIds) => {
      store.loads.push([...orderIds]);
      return new Map(orderIds.flatMap((id) => (orders.has(id) ? [[id, structuredClone(orders.get(id)!)]] : [])));
    },
    commit: async (batch) => {
      await store.beforeCommit(batch);
      if (batch.moves.some(({ partition, from }) => checkpoints.get(partition)?.nextOffset !== from)) {
        throw new AppError('CHECKPOINT_MOVED', 'somebody else was here');
      }
      write(batch);
      store.commits += 1;
    },
    checkpoints: async () => structuredClone(checkpoints),
    createCheckpoints: async (topicId, partitions) => {
      for (const partition of partitions) {
        if (!checkpoints.has(partition)) checkpoints.set(partition, { partition, nextOffset: 0, topicId, lastEventId: null });
      }
    },
    setCheckpoint: (partition, nextOffset) => {
      checkpoints.set(partition, { ...checkpoints.get(partition)!, nextOffset });
    },
    tables: () =>
      structuredClone({
        orders: [...orders.values()].sort((a, b) => (a.order.orderId < b.order.orderId ? -1 : 1)),
        products: [...products].sort(),
        archive: [...archive].sort((a, b) => (a.position < b.position ? -1 : 1)),
        counters: Object.fromEntries(counters),
        histogram: Object.fromEntries(histogram),
        checkpoints: Object.fromEntries([...checkpoints].map(([partition, { partition: _, ...rest }]) => [partition, rest])),
      }),
  };
  return store;
};
