// shared/log/dead-letters/dead-letters.ts: records that cannot be decoded, kept as they were, with their position and the reason.
// One record may appear twice (after a crash): dl_topic, dl_partition and dl_offset identify it.

import { AppError } from '../../runtime/app-error.ts';
import type { DeadLetterReason } from '../codec/envelope.ts';
import type { Appender, LogRecord, Position } from '../log.ts';

export interface DeadLetters {
  /**
   * Appends the record's key, value and headers byte for byte, with dl_topic, dl_partition, dl_offset, dl_reason and dl_time added.
   * The value of a record too large for that is left out (dl_value_omitted says its bytes), and if that is not enough its key and headers
   * too: they stay where they were. Rejects like `append`.
   */
  append(record: LogRecord, reason: DeadLetterReason): Promise<Position>;
}

/** One topic for all that cannot be decoded; a letter says in `dl_topic` where it was. */
export const deadLetterTopicOf = (ordersTopic: string): string => `${ordersTopic}.dead-letter`;

/** `appender` must know `topic`. */
export const createDeadLetters = (appender: Appender, topic: string): DeadLetters => ({
  append: async (record, reason) => {
    const { key, value, headers } = record;
    const origin = {
      dl_topic: record.topic,
      dl_partition: String(record.partition),
      dl_offset: String(record.offset),
      dl_reason: reason,
      dl_time: new Date().toISOString(),
    };
    const omitted = { dl_value_omitted: String(value?.length ?? 0) };
    const ifTooLarge =
      (smaller: () => Promise<Position>) =>
      (error: unknown): Promise<Position> => {
        if (!(error instanceof AppError) || error.code !== 'RECORD_TOO_LARGE') throw error;
        return smaller();
      };
    const whole = () => appender.append({ topic, key, value, headers: { ...headers, ...origin } });
    const withoutValue = () => appender.append({ topic, key, value: null, headers: { ...headers, ...origin, ...omitted } });
    const originAlone = () => appender.append({ topic, key: null, value: null, headers: { ...origin, ...omitted } });
    return whole().catch(ifTooLarge(() => withoutValue().catch(ifTooLarge(originAlone))));
  },
});
