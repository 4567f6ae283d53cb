// tests/support/in-memory/store.ts: the projector's store on the read model in memory, for unit tests.
// What it says can be compared with PostgreSQL's (tests/integration/projector/store-contract.ts runs on both), and commits fail on demand.

import type { Batch } from '../../../projector/project.ts';
import type { Store } from '../../../projector/store/store.ts';
import { packHeaders } from '../../../shared/log/codec/raw-headers.ts';
import type { Checkpoint } from '../../../shared/postgres/tables/checkpoints.ts';
import type { Counters } from '../../../shared/postgres/tables/counters.ts';
import type { StoredOrder } from '../../../shared/postgres/tables/order-rows.ts';
import { createStoreOn, emptyReadModel } from './read-model.ts';

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
  const rows = emptyReadModel();
  const onRows = createStoreOn(rows, async (work) => work());

  const store: InMemoryStore = {
    ...onRows,
    commits: 0,
    loads: [],
    beforeCommit: () => {},
    load: async (orderIds) => {
      store.loads.push([...orderIds]);
      return structuredClone(await onRows.load(orderIds));
    },
    commit: async (batch) => {
      await store.beforeCommit(batch);
      await onRows.commit(batch);
      store.commits += 1;
    },
    setCheckpoint: (partition, nextOffset) => {
      rows.checkpoints.set(partition, { ...rows.checkpoints.get(partition)!, nextOffset });
    },
    tables: () =>
      structuredClone({
        orders: [...rows.orders.values()].sort((a, b) => (a.order.orderId < b.order.orderId ? -1 : 1)),
        products: Array.from(rows.products, ([key, createdAt]) => key.replace(' ', ` ${createdAt} `)).sort(),
        archive: [...rows.archive.values()].flat().map(archiveRow).sort(byPosition),
        counters: Object.fromEntries(rows.counters),
        histogram: Object.fromEntries(rows.histogram),
        checkpoints: Object.fromEntries([...rows.checkpoints].map(([partition, { partition: _, ...rest }]) => [partition, rest])),
      }),
  };
  return store;
};

const byPosition = (a: ArchiveRow, b: ArchiveRow): number => (a.position < b.position ? -1 : 1);

const archiveRow = ({ record, ...row }: Batch['archive'][number]): ArchiveRow => {
  const { partition, offset, key, headers, value } = record;
  const bytes = { key: base64(key), headers: base64(packHeaders(headers))!, value: base64(value) };
  return { position: `${partition}@${offset}`, ...row, ...bytes };
};
