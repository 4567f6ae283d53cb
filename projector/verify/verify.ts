// projector/verify/verify.ts: compares the whole read model with the log, while both are in use. One read-only snapshot of the tables
// says how far they go; the log is folded again up to there, partition by partition, and every field of every row is compared.
// Only the core's fold and the decoding are shared with the projection that is checked.

import { orderDecoderFor } from '../../shared/log/codec/order-codec.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { type Ends, logEnd } from '../../shared/log/topics/offsets.ts';
import { topicId } from '../../shared/log/topics/topic-id.ts';
import { BEGIN_SNAPSHOT, type Client, type Database, openDatabase } from '../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../shared/postgres/maintenance-lock.ts';
import { archiveStart, readArchiveTables } from '../../shared/postgres/tables/archive-tables.ts';
import { type Checkpoint, readCheckpoints } from '../../shared/postgres/tables/checkpoints.ts';
import { findLoss } from '../loss/find-loss.ts';
import type { LogLoss } from '../loss/log-loss.ts';
import { compareCounters } from './compare-counters.ts';
import { compareOrders } from './compare-orders.ts';
import { compareProducts } from './compare-products.ts';
import { findUnexpectedRows } from './find-unexpected-rows.ts';
import { refold } from './refold.ts';
import { createReport, type Difference, type Report } from './report.ts';

export interface VerifyOptions {
  client: LogClient;
  topic: string;
  databaseUrl: string;
  schema: string;
  onProgress?: (progress: { done: number; total: number }) => void;
}

export interface VerifyResult {
  /** Records of the log that were folded and found in the archive, and orders that they make. */
  events: number;
  orders: number;
  /** The first offset, of every partition, that is in the archive: what is older was dropped, and is compared in the rows alone. */
  archiveFrom: number;
  /** How many things differ: orders (with all their fields and products), archived records, counters, checkpoints. 0: no drift. */
  drift: number;
  /** The first hundred of them. */
  differences: Difference[];
  /** What is here and not in the log, where something differs: a rebuild would not bring it back. */
  loss: LogLoss | null;
  seconds: number;
}

// The archive is sorted, in memory up to this size; and the snapshot stays open while the log is read.
const SETTINGS = { work_mem: '64MB', idle_in_transaction_session_timeout: 0 } as const;

/**
 * Compares and notes the result in table `verification`. Needs memory for the orders of one partition. Rejects with
 * MAINTENANCE_RUNNING while a rebuild runs, and with the log's errors; a difference is a result, not an error.
 */
export const verify = async (options: VerifyOptions): Promise<VerifyResult> => {
  const { databaseUrl: url, schema } = options;
  const database = openDatabase({ url, schema, applicationName: 'verify', statementTimeoutMs: 0, settings: SETTINGS });
  try {
    return await underMaintenanceLock(database, 'shared', async () => {
      const result = await compareAll(options, database);
      await database.query(
        `INSERT INTO verification (checked_at, drift_orders) VALUES (now(), $1)
         ON CONFLICT (one) DO UPDATE SET checked_at = EXCLUDED.checked_at, drift_orders = EXCLUDED.drift_orders`,
        [result.drift],
      );
      return result;
    });
  } finally {
    await database.end();
  }
};

const compareAll = async (options: VerifyOptions, database: Database): Promise<VerifyResult> => {
  const { client, topic } = options;
  const startedAt = performance.now();
  const report = createReport();
  const counts = await database.transaction((snapshot) => compareSnapshot(options, snapshot, report), BEGIN_SNAPSHOT);
  const drift = report.count();
  const loss = drift === 0 ? null : await findLoss({ client, topic, database });
  return { ...counts, drift, differences: report.differences(), loss, seconds: (performance.now() - startedAt) / 1000 };
};

type Counts = Pick<VerifyResult, 'events' | 'orders' | 'archiveFrom'>;

const compareSnapshot = async (options: VerifyOptions, snapshot: Client, report: Report): Promise<Counts> => {
  const { client, topic, onProgress = () => {} } = options;
  const checkpoints = [...(await readCheckpoints(snapshot, topic)).values()];
  const id = await topicId(client, topic);
  const ends = await logEnd(client, topic); // after the checkpoints, which stand still in this snapshot: the log had all of it by then
  const decode = orderDecoderFor(ends.size);
  const counts = { events: 0, orders: 0, archiveFrom: archiveStart(await readArchiveTables(snapshot)) };
  const total = checkpoints.reduce((sum, { nextOffset }) => sum + nextOffset, 0);
  const onEvents = (count: number): void => {
    counts.events += count;
    onProgress({ done: counts.events, total });
  };
  for (const checkpoint of checkpoints) {
    const { partition } = checkpoint;
    const range = rangeOf(checkpoint, ends.get(partition));
    compareCheckpoint(report, checkpoint, { topic_id: id, next_offset: range.to });
    const orders = await refold({ client, topic, snapshot, report, decode, checkpoint, range, archiveFrom: counts.archiveFrom, onEvents });
    counts.orders += orders.size;
    await comparePartition(snapshot, report, partition, orders);
  }
  await findUnexpectedRows(
    snapshot,
    report,
    checkpoints.map(({ partition }) => partition),
  );
  return counts;
};

/** What the log has of a partition up to the checkpoint: all of it, unless it lost its beginning or its end. */
const rangeOf = ({ nextOffset }: Checkpoint, { low, high }: Ends = { low: 0, high: 0 }): { from: number; to: number } => {
  const to = Math.min(nextOffset, high);
  return { from: Math.min(low, to), to };
};

const compareCheckpoint = (report: Report, checkpoint: Checkpoint, log: { topic_id: string; next_offset: number }): void => {
  const { partition, topicId: topic_id, nextOffset: next_offset } = checkpoint;
  for (const [field, actual] of Object.entries({ topic_id, next_offset })) {
    const expected = log[field as keyof typeof log];
    if (expected !== actual) report.add({ what: 'checkpoint', id: String(partition), field, expected, actual });
  }
};

const comparePartition = async (
  snapshot: Client,
  report: Report,
  partition: number,
  orders: Awaited<ReturnType<typeof refold>>,
): Promise<void> => {
  await compareCounters(snapshot, report, partition, orders);
  await compareProducts(snapshot, report, partition, orders);
  await compareOrders(snapshot, report, partition, orders);
};
