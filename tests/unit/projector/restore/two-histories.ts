// tests/unit/projector/restore/two-histories.ts: an archive and a log in memory, and a restore between them.

import { restorePartition } from '../../../../projector/restore/restore-partition.ts';
import type { RestoredPartition } from '../../../../projector/restore/tally.ts';
import { type LogRecord, offsetAfter } from '../../../../shared/log/log.ts';
import { unopenedBatch } from '../../../../shared/log/protocol/unopened-batch.ts';
import { type ArchiveRow, storedBytes } from '../../../../shared/postgres/tables/archive-rows.ts';
import { cursorOf } from '../../../support/in-memory/archive.ts';

/** A record with this number, or a batch of so many that nobody opens. Two with the same number are the same bytes. */
export type Item = { id: number } | { id: number; batch: number };

const place = { topic: 'orders', partition: 0, timestamp: 0 };

const recordOf = (item: Item, offset: number): LogRecord => {
  if ('batch' in item) {
    const at = { ...place, offset, lastOffset: offset + item.batch - 1 };
    return unopenedBatch(at, Buffer.from(`batch ${item.id}`), 'TRANSACTIONAL');
  }
  const { id } = item;
  return {
    ...place,
    offset,
    key: id % 5 === 0 ? null : Buffer.from(`order-${id}`),
    value: id % 7 === 0 ? null : Buffer.from(`{"n":${id}}`),
    headers: { ce_id: Buffer.from(`event-${id}`) },
  };
};

/** One after the other from `from` on. */
export const recordsOf = (items: readonly Item[], from = 0): LogRecord[] => {
  const records: LogRecord[] = [];
  for (const item of items) records.push(recordOf(item, records.length === 0 ? from : offsetAfter(records.at(-1)!)));
  return records;
};

export const rowOf = (record: LogRecord): ArchiveRow => ({
  partition: record.partition,
  log_offset: record.offset,
  order_id: record.key === null ? null : String(record.key),
  type: 'orders.OrderCreated.v1',
  effect: record.unopened ? 'undecodable' : 'applied',
  recorded_at: 0,
  ...storedBytes(record),
});

export interface LogInMemory {
  records: LogRecord[];
  /** The first append beyond so many records fails. */
  failAfter: number;
  /** How many records each append had. */
  batches: number[];
}

export const logOf = (records: LogRecord[]): LogInMemory => ({ records, failAfter: Number.POSITIVE_INFINITY, batches: [] });

const endOf = ({ records }: LogInMemory): number => (records.length === 0 ? 0 : offsetAfter(records.at(-1)!));

export const restore = (archived: readonly LogRecord[], log: LogInMemory, from = 0): Promise<RestoredPartition> => {
  const before = [...log.records];
  let room = log.failAfter;
  return restorePartition({
    topic: 'orders',
    partition: 0,
    archived: { from, to: archived.length === 0 ? from : offsetAfter(archived.at(-1)!) },
    archive: cursorOf(archived.map(rowOf)),
    readLog: async (start, handle) => {
      const due = before.filter(({ offset }) => offset >= start);
      for (let at = 0; at < due.length; at += 3) if (!(await handle(due.slice(at, at + 3)))) return;
    },
    append: async (records) => {
      log.batches.push(records.length);
      return records.map((record) => {
        if (room === 0) throw new Error('interrupted');
        room -= 1;
        const offset = endOf(log);
        log.records.push({ ...record, offset });
        return offset;
      });
    },
    onRecords: () => {},
  });
};
