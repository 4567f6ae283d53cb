// bench/system/fill-read-model.ts: a read model of a given size, made as a rebuild makes it.
// The projector's fold, its COPY, its checkpoints, indexes at the end. Only the records come out of memory instead of a broker.

import { randomUUIDv7 } from 'node:crypto';
import { join } from 'node:path';
import { type DecodedRecord, project } from '../../projector/project.ts';
import { createIndexes, dropIndexes } from '../../projector/rebuild/secondary-indexes.ts';
import { createPostgresStore, STORE_SETTINGS } from '../../projector/store/postgres-store.ts';
import { partitionOf } from '../../shared/log/append/partitioner.ts';
import { encodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { OrderEvent, OrderFactName } from '../../shared/order/events.ts';
import { openDatabase, quoteIdentifier } from '../../shared/postgres/database.ts';
import { migrate } from '../../shared/postgres/migrate.ts';
import { createdData } from './created-data.ts';
import { CHECKOUT } from './environment.ts';
import { PARTITIONS, TOPIC } from './system.ts';

export interface FillReadModelOptions {
  databaseUrl: string;
  schema: string;
  orders: number;
  onProgress: (orders: number) => void;
}

/** What the orders are like: the same shares in every size, so that a filter finds the same share of a larger table. */
export const POPULATION = {
  start: Date.UTC(2026, 0, 1),
  /** All sizes within the same ten days. */
  spanMs: 10 * 86_400_000,
  users: 20,
  products: 50,
  batches: 10,
  orderId: (index: number): string => `o-${((index * 2_654_435_761) % 4_294_967_296).toString(16).padStart(8, '0')}-${index}`,
} as const;

const ORDERS_PER_BATCH = 2_000;
const LANES = 2;
const BUILD_SETTINGS = { ...STORE_SETTINGS, maintenance_work_mem: '256MB' };

/** Resolves with the seconds that the rows took, and those that the indexes took. */
export const fillReadModel = async ({ databaseUrl, schema, orders, onProgress }: FillReadModelOptions) => {
  const database = openDatabase({
    url: databaseUrl,
    schema,
    applicationName: 'bench',
    maxConnections: LANES + 1,
    statementTimeoutMs: 0,
    settings: BUILD_SETTINGS,
  });
  try {
    await database.query(`DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE`);
    await migrate(database, join(CHECKOUT, 'projector', 'schema'));
    const indexes = await dropIndexes(database);
    const store = createPostgresStore(database, TOPIC);
    await store.createCheckpoints('bench', [...Array(PARTITIONS).keys()]);
    const offsets = new Array<number>(PARTITIONS).fill(0);
    const startedAt = performance.now();
    let done = 0;
    const lane = async (partitions: readonly number[]): Promise<void> => {
      // Each lane makes all lives and keeps those of its partitions: making one costs a fraction of storing it.
      for (let from = 0; from < orders; from += ORDERS_PER_BATCH) {
        const records = Array.from({ length: Math.min(ORDERS_PER_BATCH, orders - from) }, (_, n) => from + n)
          .filter((index) => partitions.includes(partitionOf(POPULATION.orderId(index), PARTITIONS)))
          .flatMap((index) => recordsOf(lifeOf(index, orders), offsets));
        await store.commit(project(records, () => null));
        done += ORDERS_PER_BATCH / LANES;
        onProgress(done);
      }
    };
    const all = [...offsets.keys()];
    await Promise.all(Array.from({ length: LANES }, (_, n) => lane(all.filter((partition) => partition % LANES === n))));
    const filledAt = performance.now();
    await createIndexes(database, indexes, LANES);
    await database.query('VACUUM');
    return { rowsSeconds: (filledAt - startedAt) / 1_000, indexesSeconds: (performance.now() - filledAt) / 1_000 };
  } finally {
    await database.end();
  }
};

const recordsOf = (life: readonly OrderEvent[], offsets: number[]): DecodedRecord[] =>
  life.map((event) => {
    const { key, value, headers } = encodeOrderEvent(event, TOPIC);
    const partition = partitionOf(event.orderId, PARTITIONS);
    const record = {
      topic: TOPIC,
      partition,
      offset: offsets[partition]!,
      timestamp: event.time,
      key: Buffer.from(key as string),
      value: Buffer.from(value as string),
      headers: Object.fromEntries(Object.entries(headers).map(([name, each]) => [name, Buffer.from(each)])),
    };
    offsets[partition]! += 1;
    return { record, decoded: { ok: true, event } };
  });

/** 70 % completed, 20 % cancelled, 5 % rejected, 3 % in processing, 2 % pending; spread over users, products and batches. */
const lifeOf = (index: number, orders: number): OrderEvent[] => {
  const orderId = POPULATION.orderId(index);
  const userId = `u${(index * 7) % POPULATION.users}`;
  const time = POPULATION.start + Math.floor((index / orders) * POPULATION.spanMs);
  const envelope = (after: number) => ({ id: randomUUIDv7(), orderId, time: time + after, causationId: null, correlationId: null });
  const items = Array.from({ length: 1 + (index % 3) }, (_, item) => ({
    product_id: `p${(index * 11 + item * 17) % POPULATION.products}`,
    quantity: 1 + (index % 4),
    unit_price_minor: null,
    stocked: false,
  }));
  const created = createdData({
    user_id: userId,
    items,
    total_minor: 1_000 + (index % 50_000),
    batch_id: index % 2 === 0 ? `b${(index / 2) % POPULATION.batches}` : null,
  });
  const life: OrderEvent[] = [{ ...envelope(0), kind: 'fact', name: 'OrderCreated', version: 1, actor: 'anonymous', data: created }];
  const add = (name: OrderFactName, data: object): void => {
    const version = life.length + 1;
    life.push({ ...envelope(version * 5), kind: 'fact', name, version, actor: 'system:processor', data } as OrderEvent);
  };
  // A prime, so that the fate is independent of user, product and batch.
  const fate = (index * 7_919) % 101;
  if (fate < 2) return life;
  if (fate < 7) add('OrderRejected', { user_id: userId, previous_status: 'pending', code: 'OUT_OF_STOCK', reason: null });
  else add('OrderProcessing', { user_id: userId, previous_status: 'pending', reserved: [] });
  if (fate >= 10 && fate < 30) add('OrderCancelled', { user_id: userId, previous_status: 'processing', reason: null });
  else if (fate >= 30) add('OrderCompleted', { user_id: userId, previous_status: 'processing' });
  return life;
};
