// processor/ledger/rebuild/rebuild.ts: rebuilds the ledger from the log (R8).
// Processors are fenced off first and wait; what they have decided and not yet appended is kept, because it may be on its way into the log.

import type { LogClient } from '../../../shared/log/connect/client.ts';
import { columnParameters } from '../../../shared/postgres/binary.ts';
import { copyInto } from '../../../shared/postgres/copy.ts';
import { type Client, openDatabase, type Row } from '../../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../../shared/postgres/maintenance-lock.ts';
import { migrate } from '../../../shared/postgres/migrate.ts';
import type { RequestRow } from '../../../shared/postgres/tables/ledger-rows.ts';
import { startsInKafka } from '../../consumer-group.ts';
import { LEDGER_SCHEMA_DIRECTORY } from '../open-ledger.ts';
import {
  answerOf,
  CARRIED_FIELDS,
  PRODUCT_FIELDS,
  REQUEST_FIELDS,
  RESERVATION_FIELDS,
  type ReservationRow,
  reservationOf,
} from '../rows.ts';
import { STORE_CARRIED } from '../statements.ts';
import { type Ends, endsOf, type LedgerTopics, readLog } from './read-log.ts';
import { type DecidedBefore, rebuiltLedger } from './rebuilt-ledger.ts';
import { createRefold, type Refold } from './refold.ts';

export interface RebuildLedgerOptions {
  client: LogClient;
  topics: LedgerTopics;
  databaseUrl: string;
  schema: string;
  onProgress?: (progress: { done: number; total: number }) => void;
}

export interface RebuiltLedger {
  events: number;
  products: number;
  reservations: number;
}

const NOWHERE: Ends = { orders: new Map(), products: new Map() };
const FENCE_ALL = 'UPDATE partitions SET epoch = epoch + 1, sequence = sequence + 1';
const SET_START = `
  INSERT INTO partitions (topic, partition, epoch, sequence, start_offset, note) VALUES ($1, $2, 1, 1, $3, $4)
  ON CONFLICT (topic, partition) DO UPDATE SET
    epoch = partitions.epoch + 1, sequence = partitions.sequence + 1, start_offset = EXCLUDED.start_offset, note = EXCLUDED.note`;

/**
 * Resolves once the ledger is complete; processors then go on by themselves. The schema is made if it is missing. Rejects with
 * MAINTENANCE_RUNNING while another one runs, and with the log's errors; then processors wait until a rebuild has succeeded.
 */
export const rebuildLedger = async (options: RebuildLedgerOptions): Promise<RebuiltLedger> => {
  const { client, topics, databaseUrl: url, schema, onProgress = () => {} } = options;
  const database = openDatabase({ url, schema, applicationName: 'rebuild-ledger', maxConnections: 2, statementTimeoutMs: 0 });
  try {
    await migrate(database, LEDGER_SCHEMA_DIRECTORY);
    return await underMaintenanceLock(database, 'exclusive', async () => {
      await database.transaction(async (transaction) => {
        await transaction.query('UPDATE ledger SET complete = false');
        await transaction.query(FENCE_ALL);
      });
      // Now no processor decides; what was decided before is in the log, in the old tables, or both.
      const to = await endsOf(client, topics);
      const refold = createRefold();
      const progress = { done: 0, total: [...to.orders.values(), ...to.products.values()].reduce((sum, end) => sum + end, 0) };
      const onEvents = (count: number): void => {
        progress.done += count;
        onProgress({ ...progress });
      };
      await readLog({ client, topics, from: NOWHERE, to, refold, onEvents });
      const copies = await startsInKafka(
        client,
        Object.values(topics).filter((_, index) => [to.orders, to.products][index]!.size > 0),
      );
      const counts = await database.transaction((transaction) => replaceAll(transaction, { topics, to, refold, copies }));
      return { events: progress.done, ...counts };
    });
  } finally {
    await database.end();
  }
};

interface Replacement {
  topics: LedgerTopics;
  to: Ends;
  refold: Refold;
  copies: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

const replaceAll = async (client: Client, { topics, to, refold, copies }: Replacement): Promise<Omit<RebuiltLedger, 'events'>> => {
  const { products, reservations, requests } = rebuiltLedger(refold, await decidedBefore(client));

  await client.query('TRUNCATE reservations, products, product_requests, carried_orders');
  await copyInto(client, 'products', PRODUCT_FIELDS, [...products.values()]);
  await copyInto(client, 'reservations', RESERVATION_FIELDS, [...reservations]);
  await copyInto(client, 'product_requests', REQUEST_FIELDS, requests);
  // Never below the copy, which its processor knew to be enough: below, it would look like a restored database.
  const start = (topic: string, partition: number, offset: number): number => Math.max(offset, copies.get(topic)?.get(partition) ?? 0);
  for (const [partition, end] of to.orders) {
    const { startOffset, logTime } = refold.orderPartition(partition, end);
    const offset = start(topics.orders, partition, startOffset);
    await client.query(SET_START, [topics.orders, partition, offset, `logtime=${logTime}`]);
    const carried = refold.carried(partition, offset, end).map((each) => ({ partition, carried: each }));
    if (carried.length > 0) await client.query(STORE_CARRIED, [topics.orders, ...columnParameters(CARRIED_FIELDS, carried)]);
  }
  for (const [partition, end] of to.products) {
    const offset = refold.productPartition(partition, end);
    await client.query(SET_START, [topics.products, partition, start(topics.products, partition, offset), null]);
  }
  await client.query('UPDATE ledger SET complete = true');
  return { products: products.size, reservations: reservations.size };
};

/** What the old tables say of decisions whose facts the log may not have. */
const decidedBefore = async (client: Client): Promise<DecidedBefore> => {
  const held = await client.query<ReservationRow & Row>("SELECT * FROM reservations WHERE state = 'held' ORDER BY order_id");
  const outbox = await client.query<RequestRow & Row>('SELECT * FROM product_requests WHERE NOT delivered ORDER BY decision');
  return {
    held: new Map(held.rows.map((row) => [row.order_id, reservationOf(row)])),
    outbox: outbox.rows.map((row) => ({ answer: answerOf(row), partition: row.partition })),
  };
};
