// shared/log/codec/envelope.ts: CloudEvents 1.0 in Kafka's binary mode: the attributes are headers, the value is the data.
// https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/kafka-protocol-binding.md

import { AppError } from '../../runtime/app-error.ts';
import { isStorableText } from '../../runtime/storable-text.ts';
import { partitionOf } from '../append/partitioner.ts';
import { type LogRecord, UNOPENED_REASONS, type UnopenedReason } from '../log.ts';

/** Why a record cannot be decoded: a closed set, used as a metric label and in the dead-letter topic. */
export const DEAD_LETTER_REASONS = [
  'NOT_A_CLOUD_EVENT',
  'MISSING_HEADER',
  'BAD_HEADER',
  'KEY_MISMATCH',
  'UNKNOWN_TYPE',
  'MALFORMED_JSON',
  'SCHEMA_MISMATCH',
  'WRONG_PARTITION',
  ...UNOPENED_REASONS,
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** The attributes of a record, parsed and checked as far as one record can be. */
export interface Attributes {
  id: string;
  type: string;
  subject: string;
  /** Epoch milliseconds. */
  time: number;
  version: number | null;
  actor: string;
  causationId: string | null;
  correlationId: string | null;
}

export interface Undecodable {
  ok: false;
  reason: DeadLetterReason;
  detail: string;
}

// Longer ids or actors are not ours: 64 characters of id, a prefix and room to spare.
const ATTRIBUTE_MAX = 200;
const VERSION = /^[1-9]\d{0,8}$/;
// The years that every store and every parser on the way agrees on. PostgreSQL refuses what JavaScript's Date still holds.
const TIME_MAX = Date.UTC(9999, 11, 31);

export const undecodable = (reason: DeadLetterReason, detail: string): Undecodable => ({ ok: false, reason, detail });

const UNOPENED: Readonly<Record<UnopenedReason, string>> = {
  TRANSACTIONAL: 'the batch belongs to a transaction',
  UNKNOWN_CODEC: 'the batch is compressed with a codec that is not read',
  TOO_LARGE: 'the batch holds more than a reader takes into memory at once',
  MALFORMED_BATCH: 'the batch cannot be taken apart',
};

/** Reads the attributes of a record, or says why it has none. */
export const readAttributes = (record: LogRecord): { ok: true; attributes: Attributes } | Undecodable => {
  if (record.unopened) return undecodable(record.unopened.reason, UNOPENED[record.unopened.reason]);
  const text = (name: string): string | null => record.headers[name]?.toString('utf8') ?? null;
  if (text('ce_specversion') !== '1.0') return undecodable('NOT_A_CLOUD_EVENT', 'ce_specversion is not 1.0');
  const id = text('ce_id');
  const type = text('ce_type');
  const subject = text('ce_subject');
  const at = text('ce_time');
  if (!id || !type || !subject || !at) return undecodable('MISSING_HEADER', 'one of ce_id, ce_type, ce_subject, ce_time is missing');
  const causationId = text('ce_causationid');
  if (![id, subject, causationId ?? ''].every(isStorable)) return undecodable('BAD_HEADER', 'an id is too long or contains NUL');
  const time = Date.parse(at);
  if (!(time >= 0 && time <= TIME_MAX)) return undecodable('BAD_HEADER', 'ce_time is not a time from 1970 to 9999');
  const correlationId = text('ce_correlationid');
  const version = text('ce_orderversion');
  if (version !== null && !VERSION.test(version)) return undecodable('BAD_HEADER', 'ce_orderversion is not a positive number');
  if (record.key?.toString('utf8') !== subject) return undecodable('KEY_MISMATCH', 'the key is not the subject');
  return {
    ok: true,
    attributes: {
      id,
      type,
      subject,
      time,
      version: version === null ? null : Number(version),
      actor: text('ce_actor') ?? 'anonymous',
      causationId,
      // An answer repeats it. One that cannot be repeated is as good as none; the archive has it as it came.
      correlationId: correlationId !== null && isStorable(correlationId) ? correlationId : null,
    },
  };
};

/**
 * What does not stand in the partition of its key is no event of ours. Its order would be known in two partitions, and its answers would
 * stand in another one than where they are waited for.
 */
export const placedIn =
  <Decoded extends { ok: true }>(partitionCount: number, decode: (record: LogRecord) => Decoded | Undecodable) =>
  (record: LogRecord): Decoded | Undecodable => {
    const decoded = decode(record);
    if (!decoded.ok || partitionOf(record.key, partitionCount) === record.partition) return decoded;
    return undecodable('WRONG_PARTITION', 'the key belongs to another partition');
  };

const isStorable = (id: string): boolean => id.length <= ATTRIBUTE_MAX && isStorableText(id);

/** The headers of a record to append. Absent attributes are left out. Throws UNSTORABLE_TEXT for those that no reader takes. */
export const writeAttributes = (attributes: Attributes, source: string, traceparent?: string | null): Record<string, string> => {
  const { id, subject, causationId, actor, correlationId } = attributes;
  const refused = [id, subject, causationId ?? '', actor, correlationId ?? ''].find((text) => !isStorable(text));
  if (refused !== undefined)
    throw new AppError('UNSTORABLE_TEXT', `The attribute ${JSON.stringify(refused.slice(0, 80))} cannot be stored.`);
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: attributes.id,
    ce_source: source,
    ce_type: attributes.type,
    ce_time: new Date(attributes.time).toISOString(),
    ce_subject: attributes.subject,
    ce_actor: attributes.actor,
    'content-type': 'application/json',
  };
  if (attributes.version !== null) headers.ce_orderversion = String(attributes.version);
  if (attributes.causationId !== null) headers.ce_causationid = attributes.causationId;
  if (attributes.correlationId !== null) headers.ce_correlationid = attributes.correlationId;
  if (traceparent) headers.traceparent = traceparent;
  return headers;
};
