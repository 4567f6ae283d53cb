// projector/check-log.ts: checks that this is still the log from which the checkpoints were made (R9).
// A topic that was created again, or restored from a backup, must never be projected on top of another history's rows.

import type { LogClient } from '../shared/log/connect/client.ts';
import type { LogRecord } from '../shared/log/log.ts';
import { readRange } from '../shared/log/read/read-range.ts';
import { logEnd } from '../shared/log/topics/offsets.ts';
import type { Checkpoint } from '../shared/postgres/tables/checkpoints.ts';
import { AppError } from '../shared/runtime/app-error.ts';

export type CheckLog = (checkpoints: readonly Checkpoint[]) => Promise<void>;

/**
 * Rejects with LOG_MISMATCH, naming the partition and what to do, unless for every checkpoint the topic has the id noted in
 * it, reaches at least that far, and has the noted event before it. Rejects with LOG_UNAVAILABLE when Kafka cannot say.
 */
export const createCheckLog =
  (client: LogClient, topic: string, topicId: string): CheckLog =>
  async (checkpoints) => {
    for (const checkpoint of checkpoints) {
      if (checkpoint.topicId !== topicId)
        throw mismatch(topic, checkpoint, `was made from a topic with the id ${checkpoint.topicId}, this one has ${topicId}`);
    }
    const begun = checkpoints.filter(({ nextOffset }) => nextOffset > 0);
    if (begun.length === 0) return;
    const ends = await logEnd(client, topic);
    for (const checkpoint of begun) {
      const high = ends.get(checkpoint.partition)?.high ?? 0;
      if (high < checkpoint.nextOffset) throw mismatch(topic, checkpoint, `lies beyond the end of the log (${high})`);
    }
    const before = await recordsBefore(
      client,
      topic,
      begun.filter(({ lastEventId }) => lastEventId !== null), // without an id it may stand where the log begins
    );
    for (const checkpoint of begun) {
      const id = before.get(checkpoint.partition)?.headers.ce_id?.toString('utf8');
      if (checkpoint.lastEventId === null || id === checkpoint.lastEventId) continue;
      throw mismatch(topic, checkpoint, `follows the event ${checkpoint.lastEventId}, but the log has ${id ?? 'no event'} there`);
    }
  };

const recordsBefore = async (client: LogClient, topic: string, checkpoints: readonly Checkpoint[]): Promise<Map<number, LogRecord>> => {
  const records = new Map<number, LogRecord>();
  await readRange({
    client,
    topic,
    from: new Map(checkpoints.map(({ partition, nextOffset }) => [partition, nextOffset - 1])),
    to: new Map(checkpoints.map(({ partition, nextOffset }) => [partition, nextOffset])),
    onRecords: (partition, [record]) => void records.set(partition, record!),
  });
  return records;
};

const mismatch = (topic: string, { partition, nextOffset }: Checkpoint, what: string): AppError =>
  new AppError(
    'LOG_MISMATCH',
    `The read model belongs to another log: its checkpoint ${topic}/${partition}@${nextOffset} ${what}. ` +
      'Drop nothing: what is here may be the last copy. What to do: docs/recovery.md#what-you-see.',
  );
