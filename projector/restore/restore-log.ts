// projector/restore/restore-log.ts: gives the log back what the archive of a read model has and the log has not.
// It appends only, and never while a role runs: it would decide on half of it.

import type { LogClient } from '../../shared/log/connect/client.ts';
import type { Ends } from '../../shared/log/topics/offsets.ts';
import type { TopicsOptions } from '../../shared/log/topics/topics.ts';
import { openCursor } from '../../shared/postgres/cursor.ts';
import { BEGIN_SNAPSHOT, type Database, openDatabase } from '../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../shared/postgres/maintenance-lock.ts';
import { ARCHIVE_COLUMNS, type ArchiveRow } from '../../shared/postgres/tables/archive-rows.ts';
import { type Archive, archiveOf, endsOf, refuseLostBeginning, refuseReaders } from './before-restoring.ts';
import { dryAppender, logAppender, logReader } from './partition-of-log.ts';
import { restorePartition } from './restore-partition.ts';
import type { RestoredPartition } from './tally.ts';

export interface RestoreLogOptions {
  client: LogClient;
  /** Made where it is missing, and refused where it is not as configured, as at the start of a role. */
  topic: { name: string; partitions: number };
  settings: Pick<TopicsOptions, 'replicationFactor' | 'minInsyncReplicas'>;
  databaseUrl: string;
  /** The live read model. Its lock keeps other tools away. */
  schema: string;
  /** The schema whose archive is given back. */
  from: string;
  /** Whether a consumer group is one of a role: none of them may have members. */
  isRole: (groupId: string) => boolean;
  /** Compares, and appends nothing. Roles may run. */
  dryRun: boolean;
  /** Called once, before the first append; nothing is appended when it rejects. */
  beforeAppending: () => Promise<void>;
  onProgress?: (progress: { done: number; total: number }) => void;
  /** Ends it early: rejects with the signal's reason, between two batches. */
  signal?: AbortSignal;
}

export interface RestoreLogResult extends Omit<RestoredPartition, 'partition'> {
  /** The first offset, of every partition, that the archive has. */
  archiveFrom: number;
  /** Records of other writers that came in between, or a second time. */
  others: number;
  seconds: number;
}

// One waits for the broker, one for the database, one is at work. Each may hold 134 MB of digests (digest-set.ts).
const LANES = 3;
const ROWS_FETCHED = 500; // half a megabyte of our records; a foreign one may have a megabyte itself
const SETTINGS = { work_mem: '64MB', idle_in_transaction_session_timeout: 0 } as const; // the archive is sorted, and read while records are appended
const ARCHIVE = `SELECT ${ARCHIVE_COLUMNS.join(', ')} FROM events WHERE partition = $1 ORDER BY log_offset`;

/**
 * Rejects before anything is appended with ROLES_RUNNING, MAINTENANCE_RUNNING, TOPIC_MISCONFIGURED, or LOG_MISMATCH where the log cannot
 * be completed from this archive. Rejects with LOG_UNAVAILABLE, DATABASE_UNAVAILABLE or RESTORE_TOO_LARGE on the way; what was appended
 * until then, the next run finds.
 */
export const restoreLog = async (options: RestoreLogOptions): Promise<RestoreLogResult> => {
  const { databaseUrl: url, schema, from } = options;
  const open = (name: string): Database =>
    openDatabase({
      url,
      schema: name,
      applicationName: 'restore-log',
      maxConnections: LANES + 2,
      statementTimeoutMs: 0,
      settings: SETTINGS,
    });
  const live = open(schema);
  const source = from === schema ? live : open(from);
  try {
    const restore = (): Promise<RestoreLogResult> => restoreFrom(source, options);
    return await underMaintenanceLock(live, 'exclusive', () =>
      source === live ? restore() : underMaintenanceLock(source, 'exclusive', restore),
    );
  } finally {
    await live.end();
    if (source !== live) await source.end();
  }
};

const restoreFrom = async (source: Database, options: RestoreLogOptions): Promise<RestoreLogResult> => {
  const { client, topic, dryRun, isRole, signal } = options;
  const startedAt = performance.now();
  const archive = await archiveOf(source, topic);
  if (!dryRun) await refuseReaders(client, topic.name, isRole);
  const ends = await endsOf(options);
  refuseLostBeginning(topic.name, ends, archive);

  const failed = new AbortController();
  const run: Run = {
    options,
    source,
    archive,
    ends,
    signal: signal === undefined ? failed.signal : AbortSignal.any([failed.signal, signal]),
    beforeAppending: once(options.beforeAppending),
    onRecords: progressOf(options, archive),
  };
  const results: Restored[] = [];
  const queue = [...archive.to.keys()];
  const lane = async (): Promise<void> => {
    for (let partition = queue.shift(); partition !== undefined; partition = queue.shift()) results.push(await restoreOne(run, partition));
  };
  const guarded = (): Promise<void> =>
    lane().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    });
  await Promise.allSettled(Array.from({ length: LANES }, guarded));
  run.signal.throwIfAborted();
  return { ...sumOf(results), archiveFrom: archive.from, seconds: (performance.now() - startedAt) / 1000 };
};

interface Run {
  options: RestoreLogOptions;
  source: Database;
  archive: Archive;
  ends: ReadonlyMap<number, Ends>;
  signal: AbortSignal;
  beforeAppending: () => Promise<void>;
  onRecords: (count: number) => void;
}

type Restored = RestoredPartition & { others: number };

const restoreOne = ({ options, source, archive, ends, signal, beforeAppending, onRecords }: Run, partition: number): Promise<Restored> => {
  const { client, topic, dryRun } = options;
  const where = { client, topic: topic.name, partition, end: ends.get(partition)?.high ?? 0, signal };
  const appender = dryRun ? dryAppender(where) : logAppender(where);
  const restored = source.transaction(async (snapshot) => {
    const restoredPartition = await restorePartition({
      topic: topic.name,
      partition,
      archived: { from: archive.from, to: archive.to.get(partition)! },
      archive: await openCursor<ArchiveRow>(snapshot, 'archive', ARCHIVE, [partition], ROWS_FETCHED),
      readLog: logReader(where),
      append: async (records) => {
        if (!dryRun) await beforeAppending();
        signal.throwIfAborted();
        return appender.append(records);
      },
      onRecords,
    });
    return { ...restoredPartition, others: appender.others() };
  }, BEGIN_SNAPSHOT);
  return restored.finally(appender.stop);
};

const once = (work: () => Promise<void>): (() => Promise<void>) => {
  let done: Promise<void> | null = null;
  return () => {
    done ??= work();
    return done;
  };
};

const progressOf = ({ onProgress = () => {} }: RestoreLogOptions, { from, to }: Archive): ((count: number) => void) => {
  const progress = { done: 0, total: [...to.values()].reduce((sum, end) => sum + Math.max(end - from, 0), 0) };
  return (count) => {
    progress.done += count;
    onProgress({ ...progress });
  };
};

const sumOf = (partitions: readonly Restored[]): Omit<RestoreLogResult, 'archiveFrom' | 'seconds'> => {
  const sum = (field: (typeof COUNTED)[number]): number => partitions.reduce((total, each) => total + each[field], 0);
  const leftOut = partitions.toSorted((a, b) => a.partition - b.partition).flatMap((each) => each.leftOut);
  return { ...(Object.fromEntries(COUNTED.map((field) => [field, sum(field)])) as Record<(typeof COUNTED)[number], number>), leftOut };
};

const COUNTED = ['archived', 'found', 'appended', 'orders', 'moved', 'leftOutCount', 'missing', 'others'] as const;
