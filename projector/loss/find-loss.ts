// projector/loss/find-loss.ts: compares a read model with the log that there is now, before anything of it is replaced or dropped (R18).
// It only reads. The checkpoints tell in a moment that all is well; where they do not, every record is compared.

import type { LogClient } from '../../shared/log/connect/client.ts';
import type { LogRecord } from '../../shared/log/log.ts';
import { recordsBefore } from '../../shared/log/read/check-marks.ts';
import { readRange } from '../../shared/log/read/read-range.ts';
import { type Ends, logEnd } from '../../shared/log/topics/offsets.ts';
import { topicId } from '../../shared/log/topics/topic-id.ts';
import { openCursor } from '../../shared/postgres/cursor.ts';
import { BEGIN_SNAPSHOT, type Client, type Database } from '../../shared/postgres/database.ts';
import type { ArchiveRow } from '../../shared/postgres/tables/archive-rows.ts';
import { type Checkpoint, readCheckpoints } from '../../shared/postgres/tables/checkpoints.ts';
import type { OrderRow } from '../../shared/postgres/tables/order-rows.ts';
import { createComparison, type LogLoss, type LossKind, lossOf, type Missing, suspicionOf } from './log-loss.ts';

export interface FindLossOptions {
  client: LogClient;
  topic: string;
  /** The read model; a schema that is not there has nothing to lose. Its statements may take as long as they take. */
  database: Database;
}

const NO_RECORDS: Ends = { low: 0, high: 0 };
const ARCHIVED = 'SELECT order_id, key, headers, value FROM events WHERE partition = $1';
const ORDERS = 'SELECT order_id, created_event_id FROM orders WHERE partition = $1';

/** Null: all that is here is in the log. Rejects with the log's errors. */
export const findLoss = async (options: FindLossOptions): Promise<LogLoss | null> => (await compareWithLog(options)).loss;

export interface ComparedWithLog {
  /** The checkpoints are of this very log. Otherwise its rows may say something else, even where nothing is lost. */
  fits: boolean;
  loss: LogLoss | null;
}

export const compareWithLog = ({ client, topic, database }: FindLossOptions): Promise<ComparedWithLog> =>
  database.transaction(async (snapshot) => {
    // The rows first: whatever they hold by then, an unharmed log has had for longer.
    const checkpoints = await checkpointsOf(snapshot, database.schema, topic);
    const id = await topicId(client, topic);
    const ends = await logEnd(client, topic);
    const before = await eventsBefore(client, topic, checkpoints, ends);
    const suspected: LossKind[] = [];
    const missing: Missing[] = [];
    for (const checkpoint of checkpoints.values()) {
      const { partition } = checkpoint;
      const { low, high } = ends.get(partition) ?? NO_RECORDS;
      const suspicion = suspicionOf(checkpoint, { topicId: id, low, high, eventBefore: before.get(partition) ?? null });
      if (suspicion === null) continue;
      suspected.push(suspicion);
      if (checkpoint.nextOffset > 0) missing.push(await compare(client, topic, snapshot, { partition, low, high }));
    }
    const unknown = [...ends].filter(([partition, { low }]) => low > 0 && (checkpoints.get(partition)?.nextOffset ?? 0) === 0);
    if (unknown.length > 0) suspected.push('beginning-lost');
    const loss = lossOf(suspected, missing, Math.max(0, ...unknown.map(([, { low }]) => low)));
    return { fits: suspected.length === 0, loss };
  }, BEGIN_SNAPSHOT);

const checkpointsOf = async (snapshot: Client, schema: string, topic: string): Promise<Map<number, Checkpoint>> => {
  const { rowCount } = await snapshot.query("SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'checkpoints'", [schema]);
  return rowCount === 0 ? new Map() : readCheckpoints(snapshot, topic);
};

/** Partition → ce_id of the record before the checkpoint, where the log has one and the checkpoint names one. */
const eventsBefore = async (
  client: LogClient,
  topic: string,
  checkpoints: ReadonlyMap<number, Checkpoint>,
  ends: ReadonlyMap<number, Ends>,
): Promise<Map<number, string>> => {
  const readable = [...checkpoints.values()].filter(({ partition, nextOffset, lastEventId }) => {
    const { low, high } = ends.get(partition) ?? NO_RECORDS;
    return lastEventId !== null && low < nextOffset && nextOffset <= high;
  });
  const records = await recordsBefore(client, topic, readable);
  return new Map([...records].flatMap(([partition, { headers }]) => (headers.ce_id ? [[partition, headers.ce_id.toString('utf8')]] : [])));
};

const compare = async (
  client: LogClient,
  topic: string,
  snapshot: Client,
  { partition, low, high }: Ends & { partition: number },
): Promise<Missing> => {
  const comparison = createComparison();
  const onRecords = (_: number, records: LogRecord[]): void => {
    for (const record of records) comparison.inLog(record);
  };
  await readRange({ client, topic, from: new Map([[partition, low]]), to: new Map([[partition, high]]), onRecords });
  const archive = await openCursor<Pick<ArchiveRow, 'order_id' | 'key' | 'headers' | 'value'>>(snapshot, 'archived', ARCHIVED, [partition]);
  await archive.each(comparison.archived);
  await archive.close();
  const orders = await openCursor<Pick<OrderRow, 'order_id' | 'created_event_id'>>(snapshot, 'orders_here', ORDERS, [partition]);
  await orders.each(comparison.order);
  await orders.close();
  return comparison.missing();
};
