// shared/log/identity/log-mismatch.ts: the sentences with which a reader ends when the log is not the one that it has read (R9, R17).
// Each says what was expected, what was found, and which section of docs/recovery.md says what to do.

import { AppError } from '../../runtime/app-error.ts';

/** What follows from a log keeps it beside its position, to know the log again. A checkpoint of the read model is one. */
export interface LogMark {
  partition: number;
  /** It follows from all records below this. */
  nextOffset: number;
  /** Identity of the record before `nextOffset` (record-identity.ts); null: not known. */
  lastEventId: string | null;
  /** Null: not known. */
  topicId: string | null;
}

type Place = Pick<LogMark, 'partition' | 'nextOffset'>;

/** As the sentence begins where what was read lies in memory alone. */
export const READER = 'This process';

const RECOVERY = 'See docs/recovery.md';

export const anotherTopic = (whose: string, topic: string, ids: { expected: string; found: string; isShorter: boolean }): AppError =>
  new AppError(
    'LOG_MISMATCH',
    `${whose} belongs to another log: it was made from a topic ${topic} with the id ${ids.expected}, this one has ${ids.found}. ` +
      `${RECOVERY}#${ids.isShorter ? 'the-log-is-lost' : 'another-log'}`,
  );

/** `high`: where the log ends; null: not known. */
export const endIsLost = (whose: string, topic: string, { partition, nextOffset }: Place, high: number | null): AppError =>
  new AppError(
    'LOG_MISMATCH',
    `${whose} reaches to ${topic}/${partition}@${nextOffset}, which lies beyond the end of the log${high === null ? '' : ` (${high})`}. ` +
      `${RECOVERY}#the-end-of-the-log-is-lost`,
  );

/** `expected`: null: it is not known any more which it was, only that it was another. */
export const anotherEvent = (
  whose: string,
  topic: string,
  { partition, nextOffset }: Place,
  ids: { expected: string | null; found: string | null },
): AppError =>
  new AppError(
    'LOG_MISMATCH',
    `${whose} follows ${ids.expected === null ? 'another event' : `the event ${ids.expected}`} before ${topic}/${partition}@${nextOffset}, but the log has ` +
      `${ids.found === null ? 'none' : ids.found} there: it lost its end and has grown since. ${RECOVERY}#the-end-of-the-log-is-lost`,
  );
