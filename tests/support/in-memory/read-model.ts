// tests/support/in-memory/read-model.ts: the tables of the read model in memory.
// As the projector writes them, the api reads them and the processor looks ids up in them. One transaction is one moment; `transact` decides
// when it is, and whether it is answered.

import type { CountersRow } from '../../../api/reads/order-metrics.ts';
import type { ReadModel } from '../../../api/reads/read-model.ts';
import type { LookUpCreationOffsets } from '../../../processor/orders/late-duplicates.ts';
import type { Batch } from '../../../projector/project.ts';
import type { OrderChange } from '../../../projector/projections/orders.ts';
import type { Store } from '../../../projector/store/store.ts';
import { decodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import type { Effect } from '../../../shared/order/order.ts';
import { jsonb } from '../../../shared/postgres/binary.ts';
import type { ArchivedRecord } from '../../../shared/postgres/tables/archive-rows.ts';
import type { Checkpoint } from '../../../shared/postgres/tables/checkpoints.ts';
import { COUNTERS, type Counters, zeroCounters } from '../../../shared/postgres/tables/counters.ts';
import { ORDER_FIELDS, type OrderRow, type StoredOrder, storedOrder } from '../../../shared/postgres/tables/order-rows.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';

/** Does the work of one transaction at one moment. */
export type Transact = <T>(work: () => T) => Promise<T>;

/** Values are never changed in place, so a copy of the maps is a backup. */
export interface ReadModelTables {
  orders: Map<string, StoredOrder>;
  /** `product order` → creation time. */
  products: Map<string, number>;
  archive: Map<number, readonly ArchivedRecord[]>;
  counters: Map<number, Counters>;
  /** `partition/bucket` → count. */
  histogram: Map<string, number>;
  checkpoints: Map<number, Checkpoint>;
}

export const emptyReadModel = (): ReadModelTables => ({
  orders: new Map(),
  products: new Map(),
  archive: new Map(),
  counters: new Map(),
  histogram: new Map(),
  checkpoints: new Map(),
});

export const backupOf = (tables: ReadModelTables): ReadModelTables => ({
  orders: new Map(tables.orders),
  products: new Map(tables.products),
  archive: new Map(tables.archive),
  counters: new Map(tables.counters),
  histogram: new Map(tables.histogram),
  checkpoints: new Map(tables.checkpoints),
});

/** What one transaction of the projector writes. */
export const writeBatch = (tables: ReadModelTables, batch: Batch): void => {
  for (const { partition, to, lastEventId } of batch.moves) {
    tables.checkpoints.set(partition, { ...tables.checkpoints.get(partition)!, nextOffset: to, lastEventId });
  }
  for (const change of batch.changes) writeOrder(tables, change);
  for (const row of batch.products.removed) tables.products.delete(`${row.productId} ${row.orderId}`);
  for (const row of batch.products.added) tables.products.set(`${row.productId} ${row.orderId}`, row.createdAt);
  for (const [partition, rows] of Map.groupBy(batch.archive, ({ record }) => record.partition)) {
    tables.archive.set(partition, [...(tables.archive.get(partition) ?? []), ...rows]);
  }
  for (const [partition, delta] of batch.counters) {
    const sums = { ...(tables.counters.get(partition) ?? zeroCounters()) };
    for (const name of COUNTERS) sums[name] += delta[name];
    tables.counters.set(partition, sums);
  }
  for (const { partition, bucket, count } of batch.processingTimes) {
    const key = `${partition}/${bucket}`;
    tables.histogram.set(key, (tables.histogram.get(key) ?? 0) + count);
  }
};

/** An existing row keeps the columns that its facts do not move, as in PostgreSQL. */
const writeOrder = ({ orders }: ReadModelTables, { before, after }: OrderChange): void => {
  const { orderId } = after.order;
  const row = orders.get(orderId);
  const isAmended = before?.order.items !== after.order.items;
  const cells = ORDER_FIELDS.map(({ name, type, moves, value }) => {
    const isWritten = row === undefined || moves === 'always' || (moves === 'amended' && isAmended);
    const stored = value(isWritten ? after : row);
    return [name, type === jsonb && stored !== null ? JSON.parse(stored as string) : stored];
  });
  orders.set(orderId, storedOrder(Object.fromEntries(cells) as OrderRow));
};

/** For the projector. */
export const createStoreOn = (tables: ReadModelTables, transact: Transact): Store => ({
  load: (orderIds) =>
    transact(() => {
      const found = new Map<string, StoredOrder>();
      for (const id of orderIds) {
        const row = tables.orders.get(id);
        if (row) found.set(id, { ...row });
      }
      return found;
    }),
  commit: (batch) =>
    transact(() => {
      if (batch.moves.some(({ partition, from }) => tables.checkpoints.get(partition)?.nextOffset !== from)) {
        throw new AppError('CHECKPOINT_MOVED', 'another projector was here');
      }
      writeBatch(tables, batch);
    }),
  checkpoints: () => transact(() => new Map(tables.checkpoints)),
  createCheckpoints: (topicId, partitions) =>
    transact(() => {
      for (const partition of partitions) {
        if (!tables.checkpoints.has(partition)) tables.checkpoints.set(partition, { partition, nextOffset: 0, topicId, lastEventId: null });
      }
    }),
});

const createdAtOf = ({ orders }: ReadModelTables, orderIds: readonly string[]): Map<string, number> =>
  new Map(orderIds.flatMap((id) => (orders.has(id) ? [[id, orders.get(id)!.createdOffset] as const] : [])));

/** For the api. Lists are not filtered or sorted, and there is no histogram: those are statements, which run on PostgreSQL. */
export const createReadModelOn = (tables: ReadModelTables, transact: Transact): ReadModel => {
  const checkpointOf = (partition: number): number => tables.checkpoints.get(partition)?.nextOffset ?? 0;
  const checkpoints = (): Map<number, number> =>
    new Map(Array.from(tables.checkpoints, ([partition, { nextOffset }]) => [partition, nextOffset]));
  return {
    snapshot: () =>
      transact(() => {
        const all = [...tables.orders.values()];
        return {
          checkpoints: checkpoints(),
          marks: [...tables.checkpoints.values()],
          open: all.filter(({ order }) => !isTerminal(order.status)).map((row) => ({ ...row })),
          newestCreatedAt: all.length === 0 ? null : Math.max(...all.map(({ order }) => order.createdAt)),
        };
      }),
    checkpoints: () => transact(checkpoints),
    lookUp: (wanted) =>
      transact(() =>
        wanted.map(({ orderId, partition }) => {
          const row = tables.orders.get(orderId);
          return { checkpoint: checkpointOf(partition), stored: row ? { ...row } : null };
        }),
      ),
    creationOffsets: (partition, orderIds) =>
      transact(() => ({ checkpoint: checkpointOf(partition), createdAt: createdAtOf(tables, orderIds) })),
    events: ({ orderId, partition }, from, limit) =>
      transact(() => {
        const rows = (tables.archive.get(partition) ?? []).filter((row) => row.orderId === orderId && row.record.offset >= from);
        const events = rows.slice(0, limit).map(({ record, effect }) => {
          const decoded = decodeOrderEvent(record);
          if (!decoded.ok) throw new Error(`the archived record ${partition}@${record.offset} cannot be decoded`);
          return { event: decoded.event, effect: effect as Effect, partition, offset: record.offset };
        });
        return { checkpoint: checkpointOf(partition), events };
      }),
    archiveStart: () => transact(() => 0),
    page: ({ limit }) => transact(() => [...tables.orders.values()].slice(0, limit)),
    counters: () => transact(() => countersRow(tables)),
  };
};

const countersRow = ({ counters }: ReadModelTables): CountersRow => {
  const sums = zeroCounters();
  for (const each of counters.values()) for (const name of COUNTERS) sums[name] += each[name];
  return { ...sums, histogram: [], as_of: Date.now() };
};

/** For the processor (R5): one statement, as in processor/orders/creation-offsets.ts. */
export const createCreationOffsetLookUpOn =
  (tables: ReadModelTables, transact: Transact): LookUpCreationOffsets =>
  (partition, orderIds, knownFrom) =>
    transact(() => {
      const checkpoint = tables.checkpoints.get(partition)?.nextOffset;
      return checkpoint === undefined || checkpoint < knownFrom ? null : createdAtOf(tables, orderIds);
    });
