// projector/projections/archive.ts: every record of the log with its verdict and its raw bytes, so that history can be read without Kafka.
// Pure.

import type { Decoded } from '../../shared/log/codec/order-codec.ts';
import type { LogRecord } from '../../shared/log/log.ts';
import type { ArchivedEffect, ArchivedRecord } from '../../shared/postgres/tables/archive-rows.ts';

// A record can carry any timestamp, -1 ("none") included. Years 1970 to 9999 can be written and read everywhere.
const TIMESTAMP_MAX = Date.UTC(9999, 11, 31);

export const archived = (record: LogRecord, decoded: Decoded, effect: ArchivedEffect): ArchivedRecord => ({
  record,
  orderId: decoded.ok ? decoded.event.orderId : null,
  type: decoded.ok ? record.headers.ce_type!.toString('utf8') : null,
  effect,
  recordedAt: Math.min(Math.max(record.timestamp, 0), TIMESTAMP_MAX),
});
