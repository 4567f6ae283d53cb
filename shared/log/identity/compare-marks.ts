// shared/log/identity/compare-marks.ts: whether a log is the one that marks were made from (R9, R17): its id, its ends, and the records before.
// Pure: check-marks.ts asks Kafka for what is compared here.

import type { LogRecord } from '../log.ts';
import { anotherEvent, anotherTopic, endIsLost, type LogMark } from './log-mismatch.ts';
import { identityOf } from './record-identity.ts';

/** One of a partition of which nothing was read yet, in whatever topic, fits every log. */
export const saysSomething = ({ topicId, nextOffset }: LogMark): boolean => topicId !== null || nextOffset > 0;

/** `requireEvents` needs the record before it. */
export const namesEvent = ({ lastEventId, nextOffset }: LogMark): boolean => lastEventId !== null && nextOffset > 0;

/** What stands before a mark, as far as it tells. */
type RecordBefore = Pick<LogRecord, 'headers' | 'value' | 'timestamp'>;

const isOfTopic = ({ topicId }: LogMark, id: string): boolean => topicId === null || topicId === id;
const isReached = ({ nextOffset }: LogMark, end: number): boolean => nextOffset <= end;
const eventIn = (before: RecordBefore | undefined): string | null => (before === undefined ? null : identityOf(before));

/** Throws LOG_MISMATCH unless the topic has the id noted in each mark and reaches at least that far. `whose`: as the sentence begins. */
export const requireTopic = (
  whose: string,
  topic: string,
  marks: readonly LogMark[],
  { id, endOf }: { id: string; endOf: (partition: number) => number },
): void => {
  const ends = marks.map((mark) => ({ mark, end: endOf(mark.partition) }));
  for (const { mark, end } of ends)
    if (!isOfTopic(mark, id)) throw anotherTopic(whose, topic, { expected: mark.topicId!, found: id, isShorter: !isReached(mark, end) });
  for (const { mark, end } of ends) if (!isReached(mark, end)) throw endIsLost(whose, topic, mark, end);
};

/** Throws LOG_MISMATCH unless before each mark stands the event noted in it. `before`: the record there, by partition. */
export const requireEvents = (whose: string, topic: string, marks: readonly LogMark[], before: ReadonlyMap<number, RecordBefore>): void => {
  for (const mark of marks) {
    const found = eventIn(before.get(mark.partition));
    if (found !== mark.lastEventId) throw anotherEvent(whose, topic, mark, { expected: mark.lastEventId!, found });
  }
};

/** The same without an error, of one partition. `before`: the record before the mark, where the log reaches as far. */
export const fits = (mark: LogMark, { id, high, before }: { id: string; high: number; before: RecordBefore | undefined }): boolean => {
  if (!isOfTopic(mark, id) || !isReached(mark, high)) return false;
  return !namesEvent(mark) || eventIn(before) === mark.lastEventId;
};
