// projector/restore/archived-record.ts: a row of the archive as what the log can be given back of it. Pure.

import { type LogRecord, offsetAfter } from '../../shared/log/log.ts';
import { archivedBatch } from '../../shared/log/protocol/unopened-batch.ts';
import { type ArchiveRow, recordOf } from '../../shared/postgres/tables/archive-rows.ts';

/**
 * Why a record is not given back: it stands for a batch that nobody opens (docs/decisions/0020) · its row cannot be read · the broker
 * refuses its size.
 */
export type LeftOutBecause = 'UNOPENED_BATCH' | 'UNREADABLE_ROW' | 'TOO_LARGE';

export type Restorable = { offsetAfter: number } & ({ record: LogRecord } | { because: LeftOutBecause });

export const restorable = (topic: string, row: ArchiveRow): Restorable => {
  let record: LogRecord;
  try {
    record = recordOf(topic, row);
  } catch {
    return { because: 'UNREADABLE_ROW', offsetAfter: row.log_offset + 1 };
  }
  const unopened = row.effect === 'undecodable' ? archivedBatch(record) : null;
  if (unopened === null) return { record, offsetAfter: row.log_offset + 1 };
  return { because: 'UNOPENED_BATCH', offsetAfter: offsetAfter({ ...record, unopened }) };
};
