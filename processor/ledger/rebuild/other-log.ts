// processor/ledger/rebuild/other-log.ts: which of the old ledger's partitions were made from another log than there is now (R17).
// What Kafka has noted of those is about offsets of the other one, even where this one has all of its records again, at other offsets.

import type { LogClient } from '../../../shared/log/connect/client.ts';
import { fits, namesEvent } from '../../../shared/log/identity/compare-marks.ts';
import type { LogMark } from '../../../shared/log/identity/log-mismatch.ts';
import { recordsBefore } from '../../../shared/log/read/check-marks.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { topicId } from '../../../shared/log/topics/topic-id.ts';

export interface StoredMark extends LogMark {
  topic: string;
}

/** As `topic/partition`. A topic that has no marks is not asked for, and of what was deleted from the beginning of one nothing is known. */
export const madeFromAnotherLog = async (
  client: LogClient,
  topics: readonly string[],
  marks: readonly StoredMark[],
): Promise<ReadonlySet<string>> => {
  const found = new Set<string>();
  for (const topic of topics) {
    const mine = marks.filter((mark) => mark.topic === topic);
    if (mine.length === 0) continue;
    const ends = await logEnd(client, topic);
    const there = mine.filter(({ partition, nextOffset }) => nextOffset > (ends.get(partition)?.low ?? 0));
    const readable = there.filter((mark) => namesEvent(mark) && mark.nextOffset <= (ends.get(mark.partition)?.high ?? 0));
    const [id, before] = [await topicId(client, topic), await recordsBefore(client, topic, readable)];
    for (const mark of there) {
      const { partition } = mark;
      const log = { id, high: ends.get(partition)?.high ?? 0, before: before.get(partition) };
      if (!fits(mark, log)) found.add(`${topic}/${partition}`);
    }
  }
  return found;
};
