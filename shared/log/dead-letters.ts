// shared/log/dead-letters.ts: records that cannot be decoded, kept as they were, with where they stood and why. One
// record may appear twice (after a crash): dl_topic, dl_partition and dl_offset tell.

import { AppError } from '../runtime/app-error.ts';
import type { DeadLetterReason } from './envelope.ts';
import type { Appender, LogRecord, Position } from './log.ts';

export interface DeadLetters {
  /**
   * Appends the record's key, value and headers byte for byte, with dl_topic, dl_partition, dl_offset, dl_reason and dl_time added.
   * The value of a record too large for that is left out (dl_value_omitted says its bytes): it stays where it was. Rejects like `append`.
   */
  append(record: LogRecord, reason: DeadLetterReason): Promise<Position>;
}

/** One topic for all that cannot be decoded; a letter says in `dl_topic` where it was. */
export const deadLetterTopicOf = (ordersTopic: string): string => `${ordersTopic}.dead-letter`;

/** `appender` must know `topic`. */
export const createDeadLetters = (appender: Appender, topic: string): DeadLetters => ({
  append: async (record, reason) => {
    const headers = {
      ...record.headers,
      dl_topic: record.topic,
      dl_partition: String(record.partition),
      dl_offset: String(record.offset),
      dl_reason: reason,
      dl_time: new Date().toISOString(),
    };
    try {
      return await appender.append({ topic, key: record.key, value: record.value, headers });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'RECORD_TOO_LARGE' || record.value === null) throw error;
      return appender.append({
        topic,
        key: record.key,
        value: null,
        headers: { ...headers, dl_value_omitted: String(record.value.length) },
      });
    }
  },
});
