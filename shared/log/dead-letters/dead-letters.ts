// shared/log/dead-letters/dead-letters.ts: records that cannot be decoded, kept as they were, with their position and the reason.
// One record may appear twice (after a crash): dl_topic, dl_partition and dl_offset identify it.

import { createHash } from 'node:crypto';
import { AppError } from '../../runtime/app-error.ts';
import type { DeadLetterReason } from '../codec/envelope.ts';
import { packHeaders } from '../codec/raw-headers.ts';
import type { Appender, LogRecord, Position } from '../log.ts';
import { exactHeadersOf } from '../protocol/exact-headers.ts';

export interface DeadLetters {
  /**
   * Appends the record's key, value and headers byte for byte, and after them dl_topic, dl_partition, dl_offset, dl_reason and dl_time. The
   * value of a record too large for that is left out, and if that is not enough its key and headers too: they stay where they were, and
   * dl_value_omitted says how many bytes they have, dl_value_sha256 their hash (likewise dl_key_… and dl_headers_…). Rejects like `append`.
   */
  append(record: LogRecord, reason: DeadLetterReason): Promise<Position>;
}

/** One topic for all that cannot be decoded; a letter says in `dl_topic` where it was. */
export const deadLetterTopicOf = (ordersTopic: string): string => `${ordersTopic}.dead-letter`;

/** The first of the headers that are added to those of the record. */
export const FIRST_ADDED = 'dl_topic';

/** `appender` must know `topic`. */
export const createDeadLetters = (appender: Appender, topic: string): DeadLetters => ({
  append: async (record, reason) => {
    const { key, value } = record;
    const exactHeaders = exactHeadersOf(record);
    const origin = {
      [FIRST_ADDED]: record.topic,
      dl_partition: String(record.partition),
      dl_offset: String(record.offset),
      dl_reason: reason,
      dl_time: new Date().toISOString(),
    };
    const whole = () => appender.append({ topic, key, value, exactHeaders, headers: origin });
    const withoutValue = () =>
      appender.append({ topic, key, value: null, exactHeaders, headers: { ...origin, ...omitted('value', value) } });
    const originAlone = () => {
      const all = { ...omitted('value', value), ...omitted('key', key), ...omitted('headers', packHeaders(exactHeaders)) };
      return appender.append({ topic, key: null, value: null, headers: { ...origin, ...all } });
    };
    return whole().catch(ifTooLarge(() => withoutValue().catch(ifTooLarge(originAlone))));
  },
});

const omitted = (part: 'value' | 'key' | 'headers', bytes: Buffer | null): Record<string, string> => ({
  [`dl_${part}_omitted`]: String(bytes?.length ?? 0),
  [`dl_${part}_sha256`]: createHash('sha256')
    .update(bytes ?? '')
    .digest('hex'),
});

const ifTooLarge =
  (smaller: () => Promise<Position>) =>
  (error: unknown): Promise<Position> => {
    if (!(error instanceof AppError) || error.code !== 'RECORD_TOO_LARGE') throw error;
    return smaller();
  };
