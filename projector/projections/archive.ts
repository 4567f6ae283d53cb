// projector/projections/archive.ts: every record of the log with its verdict and its raw bytes, so that history can be read without Kafka.
// Pure.

import type { Decoded } from '../../shared/log/codec/order-codec.ts';
import type { LogRecord } from '../../shared/log/log.ts';
import type { Effect } from '../../shared/order/order.ts';

export type ArchivedEffect = Effect | 'undecodable';

export interface ArchivedRecord {
  record: LogRecord;
  /** Null where the record could not be decoded: its texts may be anything, only its bytes are kept. */
  orderId: string | null;
  /** The ce_type, as it stands on the wire. */
  type: string | null;
  effect: ArchivedEffect;
  /** The record's Kafka timestamp, epoch milliseconds, moved into the range of PostgreSQL's if it lies outside. */
  recordedAt: number;
}

// A record can carry any timestamp, -1 ("none") included. Years 1970 to 9999 can be written and read everywhere.
const TIMESTAMP_MAX = Date.UTC(9999, 11, 31);

export const archived = (record: LogRecord, decoded: Decoded, effect: ArchivedEffect): ArchivedRecord => ({
  record,
  orderId: decoded.ok ? decoded.event.orderId : null,
  type: decoded.ok ? record.headers.ce_type!.toString('utf8') : null,
  effect,
  recordedAt: Math.min(Math.max(record.timestamp, 0), TIMESTAMP_MAX),
});
