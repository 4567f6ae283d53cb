// processor/ledger/rebuild/rebuild.ts: rebuilds the ledger from the log (R8).
// Processors are locked out at the end and fenced off; what they have decided and not yet appended is kept, because it may be on its way into
// the log. What the log cannot give back is never dropped (R18).

import type { LogClient } from '../../../shared/log/connect/client.ts';
import { setBackOffsets } from '../../../shared/log/read/set-back-offsets.ts';
import { columnParameters } from '../../../shared/postgres/binary.ts';
import { copyInto } from '../../../shared/postgres/copy.ts';
import { type Client, openDatabase, type Row } from '../../../shared/postgres/database.ts';
import { nameToKeep } from '../../../shared/postgres/kept-schemas.ts';
import { underMaintenanceLock } from '../../../shared/postgres/maintenance-lock.ts';
import { migrate } from '../../../shared/postgres/migrate.ts';
import type { RequestRow } from '../../../shared/postgres/tables/ledger-rows.ts';
import { processorGroup, startsInKafka } from '../../consumer-group.ts';
import type { CommittedOffsets } from '../ledger.ts';
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
import { FENCE_ALL, LOCK_LEDGER, STORE_CARRIED } from '../statements.ts';
import { keepLedger } from './keep-ledger.ts';
import { type LedgerLoss, ledgerLoss, ledgerLossNotAccepted, ledgerLossSentence, type ReadBefore } from './ledger-loss.ts';
import { madeFromAnotherLog, type StoredMark } from './other-log.ts';
import { type Ends, type LedgerTopics, marksAt } from './read-log.ts';
import { createReading, type Reading } from './reading.ts';
import { type DecidedBefore, rebuiltLedger } from './rebuilt-ledger.ts';
import { type RebuiltStart, rebuiltStarts } from './rebuilt-start.ts';

export interface RebuildLedgerOptions {
  client: LogClient;
  topics: LedgerTopics;
  databaseUrl: string;
  schema: string;
  /** Goes on where the log has not got all that the ledger has read; the ledger as it was is kept then, under the moment's name. */
  acceptLoss?: boolean;
  /** The read model has what the log has not: then nothing that Kafka has noted is about this log. */
  logHasLost?: boolean;
  /** Its mark of completeness is not set: `completeLedger` does that. Until then processors wait. */
  leaveIncomplete?: boolean;
  /** Epoch milliseconds. */
  now?: number;
  onProgress?: (progress: { done: number; total: number }) => void;
}

export interface RebuiltLedger {
  events: number;
  products: number;
  reservations: number;
  /** What the log had not got, and where it is kept now; null: nothing. */
  kept: { name: string; loss: LedgerLoss } | null;
}

const TOPICS = ['orders', 'products'] as const;
const LOCK_PARTITIONS = 'SELECT FROM partitions ORDER BY topic, partition FOR UPDATE';
const START_ANEW = 'UPDATE partitions SET start_offset = 0, note = NULL, topic_id = NULL, read_offset = NULL, last_event_id = NULL';
const SET_START = `
  INSERT INTO partitions (topic, partition, start_offset, note, epoch, sequence, topic_id, read_offset, last_event_id)
  VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8)
  ON CONFLICT (topic, partition) DO UPDATE SET
    epoch = greatest(partitions.epoch, EXCLUDED.epoch), start_offset = EXCLUDED.start_offset, note = EXCLUDED.note,
    topic_id = EXCLUDED.topic_id, read_offset = EXCLUDED.read_offset, last_event_id = EXCLUDED.last_event_id`;

/**
 * Resolves once the ledger is complete; processors then go on by themselves. The schema is made if it is missing. The log is read first;
 * what the tables have and the log has not is compared and all of it replaced in one transaction. Rejects with LOSS_NOT_ACCEPTED,
 * TOO_MUCH_KEPT, ROLES_RUNNING, with MAINTENANCE_RUNNING while another one runs, and with the log's errors: then the ledger is as it
 * was, its mark of completeness too, and processors go on.
 */
export const rebuildLedger = async (options: RebuildLedgerOptions): Promise<RebuiltLedger> => {
  const { client, topics, databaseUrl: url, schema, onProgress = () => {} } = options;
  const database = openDatabase({ url, schema, applicationName: 'rebuild-ledger', maxConnections: 2, statementTimeoutMs: 0 });
  try {
    await migrate(database, LEDGER_SCHEMA_DIRECTORY);
    return await underMaintenanceLock(database, 'exclusive', async () => {
      const reading = createReading(client, topics, onProgress);
      await reading.catchUp();
      return await database.transaction(async (transaction) => {
        // In the order in which a claim takes them. From here on no processor decides; what was decided is in the log, in the tables, or both.
        await transaction.query(LOCK_LEDGER);
        await transaction.query(LOCK_PARTITIONS);
        await reading.toEnd();
        return await replaceAll(transaction, options, reading);
      });
    });
  } finally {
    await database.end();
  }
};

/** After a rebuild that left it incomplete, and what had to come before the first decision. */
export const completeLedger = async ({ databaseUrl: url, schema }: Pick<RebuildLedgerOptions, 'databaseUrl' | 'schema'>): Promise<void> => {
  const database = openDatabase({ url, schema, applicationName: 'rebuild-ledger', maxConnections: 1 });
  try {
    await database.query('UPDATE ledger SET complete = true');
  } finally {
    await database.end();
  }
};

const replaceAll = async (client: Client, options: RebuildLedgerOptions, { refold, reached, events }: Reading): Promise<RebuiltLedger> => {
  const { topics } = options;
  const to = reached();
  const existing = TOPICS.filter((each) => to[each].size > 0).map((each) => topics[each]);
  const copies = await startsInKafka(options.client, existing);
  const loss = ledgerLoss(await readBefore(client, copies), refold, endIn(topics, to));
  const kept = loss && (await keepLoss(client, options, loss));
  const isWhole = loss === null && options.logHasLost !== true;
  const others = await madeFromAnotherLog(options.client, existing, await readMarks(client));
  const starts = rebuiltStarts({
    topics,
    to,
    refold,
    copies,
    isWhole: (topic, partition) => isWhole && !others.has(`${topic}/${partition}`),
  });
  // Before the commit: a copy below its start is no harm if that fails, and one above it would look like a restored database for ever (R8).
  await setBackCopies(options.client, copies, starts);
  const { products, reservations, requests } = rebuiltLedger(refold, await decidedBefore(client));

  await client.query('TRUNCATE reservations, products, product_requests, carried_orders');
  await copyInto(client, 'products', PRODUCT_FIELDS, [...products.values()]);
  await copyInto(client, 'reservations', RESERVATION_FIELDS, [...reservations]);
  await copyInto(client, 'product_requests', REQUEST_FIELDS, requests);
  await client.query(FENCE_ALL, [1]);
  if (!isWhole) await client.query(START_ANEW); // of partitions that are not there any more
  const marks = new Map(
    await Promise.all(TOPICS.map(async (each) => [topics[each], await marksAt(options.client, topics[each], to[each])] as const)),
  );
  for (const { topic, partition, offset, note } of starts) {
    // Nor an epoch below the copy's: it would look like a database that went back (R17).
    const epoch = (copies.get(topic)?.get(partition)?.stamp?.epoch ?? 0) + 1;
    const { topicId, nextOffset, lastEventId } = marks.get(topic)!.get(partition)!;
    await client.query(SET_START, [topic, partition, offset, note, epoch, topicId, nextOffset, lastEventId]);
    if (topic !== topics.orders) continue;
    const carried = refold.carried(partition, offset, to.orders.get(partition)!).map((each) => ({ partition, carried: each }));
    if (carried.length > 0) await client.query(STORE_CARRIED, [topic, ...columnParameters(CARRIED_FIELDS, carried)]);
  }
  await client.query('UPDATE ledger SET complete = $1, went_back = false', [options.leaveIncomplete !== true]);
  return { events: events(), products: products.size, reservations: reservations.size, kept };
};

const keepLoss = async (client: Client, options: RebuildLedgerOptions, loss: LedgerLoss): Promise<RebuiltLedger['kept']> => {
  const { schema, acceptLoss, now = Date.now() } = options;
  if (acceptLoss !== true) throw ledgerLossNotAccepted(loss, schema);
  const name = await nameToKeep(client, schema, now);
  await keepLedger(client, schema, name, ledgerLossSentence(loss));
  return { name, loss };
};

const endIn =
  (topics: LedgerTopics, to: Ends) =>
  (topic: string, partition: number): number =>
    (topic === topics.orders ? to.orders : topic === topics.products ? to.products : new Map<number, number>()).get(partition) ?? 0;

/** Copies that lie above the starts: only of a log that has lost something. */
const setBackCopies = async (client: LogClient, copies: CommittedOffsets, starts: readonly RebuiltStart[]): Promise<void> => {
  const above = starts.filter(({ topic, partition, offset }) => (copies.get(topic)?.get(partition)?.offset ?? 0) > offset);
  for (const [topic, moves] of Map.groupBy(above, ({ topic }) => topic)) {
    const offsets = moves.map(({ partition, offset, note }) => [partition, { offset, ...(note ? { metadata: note } : {}) }] as const);
    await setBackOffsets(client, processorGroup(topic), topic, new Map(offsets));
  }
};

const readBefore = async (client: Client, copies: CommittedOffsets): Promise<ReadBefore> => {
  const rows = async <R>(query: string): Promise<R[]> => (await client.query<R & Row>(query)).rows;
  const noted = await rows<ReadBefore['starts'][number]>('SELECT topic, partition, start_offset AS offset FROM partitions');
  const copied = [...copies].flatMap(([topic, offsets]) =>
    Array.from(offsets, ([partition, { offset }]) => ({ topic, partition, offset })),
  );
  return {
    products: await rows('SELECT product_id, read_version FROM products'),
    answered: (await rows<{ id: string }>('SELECT request_id AS id FROM product_requests WHERE delivered')).map(({ id }) => id),
    reservations: (await rows<{ id: string }>('SELECT order_id AS id FROM reservations WHERE jsonb_array_length(lines) > 0')).map(
      ({ id }) => id,
    ),
    starts: [...noted, ...copied],
  };
};

const readMarks = async (client: Client): Promise<StoredMark[]> => {
  const { rows } = await client.query<{ topic: string; partition: number; id: string | null; read: number; event: string | null } & Row>(
    'SELECT topic, partition, topic_id AS id, read_offset AS read, last_event_id AS event FROM partitions WHERE read_offset IS NOT NULL',
  );
  return rows.map(({ topic, partition, id, read, event }) => ({ topic, partition, topicId: id, nextOffset: read, lastEventId: event }));
};

/** What the old tables say of decisions whose facts the log may not have. */
const decidedBefore = async (client: Client): Promise<DecidedBefore> => {
  const held = await client.query<ReservationRow & Row>("SELECT * FROM reservations WHERE state = 'held' ORDER BY order_id");
  const outbox = await client.query<RequestRow & Row>(
    'SELECT * FROM product_requests WHERE NOT delivered ORDER BY version NULLS FIRST, decision',
  );
  return {
    held: new Map(held.rows.map((row) => [row.order_id, reservationOf(row)])),
    outbox: outbox.rows.map((row) => ({ answer: answerOf(row), partition: row.partition })),
  };
};
