// projector/rebuild/rebuild.ts: rebuilds the read model from the log, beside the live one, and swaps it in.
// It never stops the live projector or a reader, and never destroys what the log cannot give back (R18). Same fold and same store as live;
// only the batches are larger.

import { join } from 'node:path';
import { orderDecoderFor } from '../../shared/log/codec/order-codec.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { type Ends, logEnd } from '../../shared/log/topics/offsets.ts';
import { topicId } from '../../shared/log/topics/topic-id.ts';
import { type Database, openDatabase } from '../../shared/postgres/database.ts';
import { nameToKeep } from '../../shared/postgres/kept-schemas.ts';
import { underMaintenanceLock } from '../../shared/postgres/maintenance-lock.ts';
import { migrate } from '../../shared/postgres/migrate.ts';
import { archiveStart, readArchiveTables } from '../../shared/postgres/tables/archive-tables.ts';
import { type Checkpoint, readCheckpoints } from '../../shared/postgres/tables/checkpoints.ts';
import { findLoss } from '../loss/find-loss.ts';
import { type LogLoss, lossNotAccepted, lossSentence } from '../loss/log-loss.ts';
import { beginArchiveAt } from '../store/archive-tables.ts';
import { createPostgresStore, STORE_SETTINGS } from '../store/postgres-store.ts';
import { dropSchema, swapSchemas } from '../store/replace-tables.ts';
import { type FillOptions, fill } from './fill.ts';
import { createIndexes, dropIndexes } from './secondary-indexes.ts';

export interface RebuildOptions {
  client: LogClient;
  topic: string;
  databaseUrl: string;
  /** The live schema. `SCHEMA_rebuild` and `SCHEMA_replaced` beside it belong to the rebuild: what is in them is dropped. */
  schema: string;
  /** True brings back what was dropped from the archive; otherwise it begins where the live one does. */
  wholeArchive?: boolean;
  /** Goes on where the log has not got all that is here; what is replaced is kept then, under the moment's name. */
  acceptLoss?: boolean;
  /** Epoch milliseconds. */
  now?: number;
  onProgress?: (progress: RebuildProgress) => void;
}

export interface RebuildProgress {
  phase: 'events' | 'indexes' | 'swap';
  /** Events projected so far, and how many there are to project as far as is known. */
  done: number;
  total: number;
}

export interface RebuildResult {
  events: number;
  seconds: number;
  /** What the log had not got, and where it is kept now; null: nothing. */
  kept: { name: string; loss: LogLoss } | null;
}

const SCHEMA_DIRECTORY = join(import.meta.dirname, '..', 'schema');
// One PostgreSQL process is busy for longer with a batch than Node is with the next: two of them keep each other's waits short.
const LANES = 2;
// What may still be missing when readers are locked out for the swap: well below a second of work.
const SWAP_WITHIN_EVENTS = 5_000;
const CATCH_UP_PASSES_MAX = 20;
const SETTINGS = { ...STORE_SETTINGS, maintenance_work_mem: '256MB' };

/**
 * Resolves once the new read model is the live one. It contains at least what the old one contained at that moment, so readers never see
 * it go back, unless a loss was accepted. Rejects with LOSS_NOT_ACCEPTED when the log has not got all that is here, with TOO_MUCH_KEPT,
 * with MAINTENANCE_RUNNING while another rebuild or verify runs, and with the log's errors; then the live read model is as it was.
 */
export const rebuild = async (options: RebuildOptions): Promise<RebuildResult> => {
  const { databaseUrl: url, schema } = options;
  const shadowSchema = `${schema}_rebuild`;
  const open = (name: string, maxConnections: number): Database =>
    openDatabase({ url, schema: name, applicationName: 'rebuild', maxConnections, statementTimeoutMs: 0, settings: SETTINGS });
  const live = open(schema, 2);
  const shadow = open(shadowSchema, LANES + 1);
  try {
    return await underMaintenanceLock(live, 'exclusive', async () => {
      const accepted = await acceptedLoss(options, live);
      await dropSchema(live, shadowSchema);
      await dropSchema(live, `${schema}_replaced`); // of a rebuild that was killed after its swap: the live one has all of it
      try {
        return await replaceReadModel(options, live, shadow, accepted);
      } catch (error) {
        await dropSchema(live, shadowSchema).catch(() => {}); // the next rebuild would do it; this one frees the space
        throw error;
      }
    });
  } finally {
    await Promise.all([live.end(), shadow.end()]);
  }
};

const acceptedLoss = async ({ client, topic, schema, acceptLoss, now }: RebuildOptions, live: Database): Promise<RebuildResult['kept']> => {
  const loss = await findLoss({ client, topic, database: live });
  if (loss === null) return null;
  if (acceptLoss !== true) throw lossNotAccepted(loss, topic, acceptingMeans(schema));
  if (loss.orders + loss.records === 0) return null; // what is lost is not here: there is nothing to keep
  return { name: await nameToKeep(live, schema, now ?? Date.now()), loss };
};

/** What a person is told who has not accepted the loss. */
export const acceptingMeans = (schema: string): string =>
  `Nothing was changed. With --accept-loss it is rebuilt without them, and ${schema} as it is now is kept beside it.`;

const replaceReadModel = async (
  options: RebuildOptions,
  live: Database,
  shadow: Database,
  kept: RebuildResult['kept'],
): Promise<RebuildResult> => {
  const { client, topic, onProgress = () => {} } = options;
  const startedAt = performance.now();
  await migrate(shadow, SCHEMA_DIRECTORY);
  const indexes = await dropIndexes(shadow);
  const id = await topicId(client, topic);
  const archiveFrom = options.wholeArchive === true ? 0 : await archiveStartOf(live, topic, id);
  await beginArchiveAt(shadow, archiveFrom);
  const store = createPostgresStore(shadow, topic, { archiveFrom });
  const progress: RebuildProgress = { phase: 'events', done: 0, total: 0 };
  const fillTo = async (ends: ReadonlyMap<number, number>): Promise<void> => {
    const from = positions((await store.checkpoints()).values());
    progress.total = progress.done + distance(from, ends);
    const onEvents: FillOptions['onEvents'] = (count) => {
      progress.done += count;
      onProgress({ ...progress });
    };
    await fill({ client, topic, store, decode: orderDecoderFor(end.size), from, to: ends, lanes: LANES, onEvents });
  };

  const ends = await logEnd(client, topic);
  const end = highest(ends);
  await store.createCheckpoints(id, [...end.keys()]);
  await beginAtLowest(shadow, topic, ends);
  await fillTo(end);
  onProgress({ ...progress, phase: 'indexes' });
  await createIndexes(shadow, indexes, LANES);
  for (let pass = 1; pass < CATCH_UP_PASSES_MAX; pass += 1) {
    const now = highest(await logEnd(client, topic));
    if (distance(positions((await store.checkpoints()).values()), now) <= SWAP_WITHIN_EVENTS) break;
    await fillTo(now);
  }
  progress.phase = 'swap';
  onProgress({ ...progress });
  await swapSchemas(live, shadow.schema, {
    keep: kept && { name: kept.name, why: lossSentence(kept.loss, topic) },
    lastStep: async (locked) => {
      const reached = [...(await readCheckpoints(locked, topic)).values()];
      // Only of this very log: a rebuild is also how the read model of another one is replaced.
      const wanted = positions(reached.filter((checkpoint) => checkpoint.topicId === id));
      await fillTo(kept === null ? wanted : limitedTo(wanted, highest(await logEnd(client, topic))));
    },
  });
  return { events: progress.done, seconds: (performance.now() - startedAt) / 1000, kept };
};

/** A log that has lost its beginning is projected from where it begins now. */
const beginAtLowest = async (shadow: Database, topic: string, ends: ReadonlyMap<number, Ends>): Promise<void> => {
  for (const [partition, { low }] of ends) {
    if (low === 0) continue;
    await shadow.query('UPDATE checkpoints SET next_offset = $3 WHERE topic = $1 AND partition = $2', [topic, partition, low]);
  }
};

/** What was dropped from the archive of this log stays dropped; the archive of another log says nothing. */
const archiveStartOf = async (live: Database, topic: string, id: string): Promise<number> => {
  const start = archiveStart(await readArchiveTables(live));
  if (start === 0) return 0;
  const checkpoints = await readCheckpoints(live, topic);
  return [...checkpoints.values()].every(({ topicId }) => topicId === id) ? start : 0;
};

const highest = (ends: ReadonlyMap<number, Ends>): Map<number, number> =>
  new Map(Array.from(ends, ([partition, { high }]) => [partition, high]));

/** The live rows may go further than a log that lost its end. */
const limitedTo = (wanted: ReadonlyMap<number, number>, ends: ReadonlyMap<number, number>): Map<number, number> =>
  new Map(Array.from(wanted, ([partition, offset]) => [partition, Math.min(offset, ends.get(partition) ?? 0)]));

const positions = (checkpoints: Iterable<Checkpoint>): Map<number, number> =>
  new Map(Array.from(checkpoints, ({ partition, nextOffset }) => [partition, nextOffset]));

const distance = (from: ReadonlyMap<number, number>, to: ReadonlyMap<number, number>): number =>
  [...to].reduce((sum, [partition, end]) => sum + Math.max(0, end - (from.get(partition) ?? 0)), 0);
