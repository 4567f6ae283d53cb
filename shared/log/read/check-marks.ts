// shared/log/read/check-marks.ts: checks that a log is the one that something stored was made from (R9, R17), before reading goes on there.
// A topic that was created again, or has lost its end, must never be read on top of what another history has left.

import type { LogClient } from '../connect/client.ts';
import { namesEvent, requireEvents, requireTopic, saysSomething } from '../identity/compare-marks.ts';
import type { LogMark } from '../identity/log-mismatch.ts';
import type { LogRecord } from '../log.ts';
import { logEnd } from '../topics/offsets.ts';
import { topicId } from '../topics/topic-id.ts';
import { readRange } from './read-range.ts';

/**
 * Resolves with the topic's id. Rejects with LOG_MISMATCH, naming the partition and where to read what to do, unless for every mark the
 * topic has the id noted in it, reaches at least that far, and has the noted event before it; with LOG_UNAVAILABLE when Kafka cannot say.
 */
export type CheckMarks = (marks: readonly LogMark[]) => Promise<string>;

/** `whose`: what the marks are of, as the sentence begins. */
export const createCheckMarks =
  (client: LogClient, topic: string, whose: string): CheckMarks =>
  async (marks) => {
    const id = await topicId(client, topic);
    const known = marks.filter(saysSomething);
    if (known.length === 0) return id;
    const ends = await logEnd(client, topic);
    requireTopic(whose, topic, known, { id, endOf: (partition) => ends.get(partition)?.high ?? 0 });
    const noted = known.filter(namesEvent);
    requireEvents(whose, topic, noted, await recordsBefore(client, topic, noted));
    return id;
  };

/** The record before each position. */
export const recordsBefore = async (
  client: LogClient,
  topic: string,
  marks: readonly Pick<LogMark, 'partition' | 'nextOffset'>[],
): Promise<Map<number, LogRecord>> => {
  const records = new Map<number, LogRecord>();
  await readRange({
    client,
    topic,
    from: new Map(marks.map(({ partition, nextOffset }) => [partition, nextOffset - 1])),
    to: new Map(marks.map(({ partition, nextOffset }) => [partition, nextOffset])),
    onRecords: (partition, [record]) => void records.set(partition, record!),
  });
  return records;
};
