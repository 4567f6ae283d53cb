// shared/log/identity/compare-marks.ts: whether a log is the one that marks were made from (R9, R17): its id, its ends, and the records before.
// Pure: check-marks.ts asks Kafka for what is compared here.

import type { LogRecord } from '../log.ts';
import { anotherEvent, anotherTopic, endIsLost, type LogMark } from './log-mismatch.ts';
import { identityOf } from './record-identity.ts';

/** One of a partition of which nothing was read yet, in whatever topic, fits every log. */
export const saysSomething = ({ topicId, nextOffset }: LogMark): boolean => topicId !== null || nextOffset > 0;

/** `requireEvents` needs the record before it. */
export const namesEvent = ({ lastEventId, nextOffset }: LogMark): boolean => lastEventId !== null && nextOffset > 0;

/** Throws LOG_MISMATCH unless the topic has the id noted in each mark and reaches at least that far. `whose`: as the sentence begins. */
export const requireTopic = (
  whose: string,
  topic: string,
  marks: readonly LogMark[],
  { id, endOf }: { id: string; endOf: (partition: number) => number },
): void => {
  for (const { topicId: noted, partition, nextOffset } of marks) {
    const isShorter = endOf(partition) < nextOffset;
    if (noted !== null && noted !== id) throw anotherTopic(whose, topic, { expected: noted, found: id, isShorter });
  }
  for (const mark of marks) if (endOf(mark.partition) < mark.nextOffset) throw endIsLost(whose, topic, mark, endOf(mark.partition));
};

/** Throws LOG_MISMATCH unless before each mark stands the event noted in it. `before`: the record there, by partition. */
export const requireEvents = (
  whose: string,
  topic: string,
  marks: readonly LogMark[],
  before: ReadonlyMap<number, Pick<LogRecord, 'headers' | 'value' | 'timestamp'>>,
): void => {
  for (const mark of marks) {
    const record = before.get(mark.partition);
    const found = record === undefined ? null : identityOf(record);
    if (found !== mark.lastEventId) throw anotherEvent(whose, topic, mark, { expected: mark.lastEventId!, found });
  }
};

/** The same without an error, of one partition. `before`: the record before the mark, where the log reaches as far. */
export const fits = (
  mark: LogMark,
  { id, high, before }: { id: string; high: number; before: Pick<LogRecord, 'headers' | 'value' | 'timestamp'> | undefined },
): boolean => {
  if (mark.topicId !== null && mark.topicId !== id) return false;
  if (mark.nextOffset > high) return false;
  return !namesEvent(mark) || (before !== undefined && identityOf(before) === mark.lastEventId);
};
