// projector/restore/before-restoring.ts: whether the log can be given back from this archive now, checked before anything is appended.

import { setTimeout as delay } from 'node:timers/promises';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { readersOf } from '../../shared/log/read/group-members.ts';
import { type Ends, logEnd } from '../../shared/log/topics/offsets.ts';
import { ensureTopics, type TopicsOptions } from '../../shared/log/topics/topics.ts';
import type { Database } from '../../shared/postgres/database.ts';
import { archiveStart, readArchiveTables } from '../../shared/postgres/tables/archive-tables.ts';
import { readNextOffsets } from '../../shared/postgres/tables/checkpoints.ts';
import { AppError } from '../../shared/runtime/app-error.ts';

export interface TopicToRestore {
  name: string;
  partitions: number;
}

export interface Archive {
  /** The first offset, of every partition, that it has. */
  from: number;
  /** Partition → offset after the last. */
  to: ReadonlyMap<number, number>;
}

const TOPIC_WAIT_MAX_MS = 10_000; // an operator waits; a new topic needs some tenths of a second

/** Rejects with LOG_MISMATCH where the schema holds no archive of a topic with as many partitions. */
export const archiveOf = async (source: Database, { name, partitions }: TopicToRestore): Promise<Archive> => {
  const to = await readNextOffsets(source, name);
  if (to.size === 0) throw new AppError('LOG_MISMATCH', `The schema ${source.schema} holds no archive of the topic ${name}.`);
  if (to.size !== partitions) {
    const sentence = `The archive in ${source.schema} is of a topic ${name} with ${to.size} partitions, and ORDERS_PARTITIONS is ${partitions}`;
    throw new AppError('LOG_MISMATCH', `${sentence}: with another number, orders would be in partitions where nobody looks for them.`);
  }
  return { from: archiveStart(await readArchiveTables(source)), to };
};

// One that was killed, or whose broker was, is a member until its session of 6 s is over, which begins anew with the broker.
const LEAVE_MAX_MS = 10_000;
const LOOK_AGAIN_MS = 500;

/**
 * Rejects with ROLES_RUNNING while any reads the topic, after waiting for those that died. A processor would answer a request before its
 * answer is back, which would then be void. An api would take for new what a client sends again, and its orders would stand where others stood.
 */
export const refuseReaders = async (client: LogClient, topic: string, isRole: (groupId: string) => boolean): Promise<void> => {
  const deadline = performance.now() + LEAVE_MAX_MS;
  let readers = await readersOf(client, [topic], isRole);
  while (readers.size > 0 && performance.now() < deadline) {
    await delay(LOOK_AGAIN_MS);
    readers = await readersOf(client, [topic], isRole);
  }
  if (readers.size === 0) return;
  const found = Array.from(readers.values()).reduce((sum, count) => sum + count, 0);
  const groups = [...readers.keys()].sort().join(', ');
  throw new AppError('ROLES_RUNNING', `${found} processes of the service still read ${topic} (${groups}): stop all roles first.`);
};

/** Where the topic ends. One that is missing is made; in a dry run it has no partition yet. */
export const endsOf = async (options: {
  client: LogClient;
  topic: TopicToRestore;
  settings: Pick<TopicsOptions, 'replicationFactor' | 'minInsyncReplicas'>;
  dryRun: boolean;
}): Promise<ReadonlyMap<number, Ends>> => {
  const { client, topic, settings, dryRun } = options;
  if (dryRun && !(await client.withAdmin((admin) => admin.listTopics())).includes(topic.name)) return new Map();
  await ensureTopics({ client, topics: [topic], ...settings, waitMaxMs: TOPIC_WAIT_MAX_MS });
  return logEnd(client, topic.name);
};

/**
 * Throws LOG_MISMATCH where the log has lost its beginning: what is appended stands behind the facts that are left. They would be void,
 * and orders that are over would begin once more.
 */
export const refuseLostBeginning = (topic: string, ends: ReadonlyMap<number, Ends>, { from, to }: Archive): void => {
  const lost = [...ends].filter(([, { low }]) => low > 0);
  if (lost.length === 0) return;
  const where = lost.map(([partition, { low }]) => `${topic}/${partition} begins at offset ${low}`).join(', ');
  const ahead = [...ends].reduce((sum, [partition, { high }]) => sum + Math.max(high - (to.get(partition) ?? 0), 0), 0);
  const wayOut =
    ahead > 0
      ? `The archive does not have the last ${ahead} records of the log yet: let a projector read them first.`
      : `The archive reaches the log's end${from > 0 ? `, from offset ${from} on` : ''}: delete the topic ${topic}, and run this again. It makes it whole.`;
  throw new AppError('LOG_MISMATCH', `Records cannot be put before others: ${where}. Nothing was appended. ${wayOut}`);
};
