// projector/verify/refold.ts: folds one partition of the log from its first record, and compares each record on the way with its archived row.
// Every record once, its bytes unchanged, its verdict the one that the fold reaches now.

import type { DecodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import type { LogRecord } from '../../shared/log/log.ts';
import { readRange } from '../../shared/log/read/read-range.ts';
import { evolve, type Order } from '../../shared/order/order.ts';
import { openCursor } from '../../shared/postgres/cursor.ts';
import type { Client } from '../../shared/postgres/database.ts';
import { ARCHIVE_COLUMNS, type ArchivedEffect, type ArchiveRow, storedBytes } from '../../shared/postgres/tables/archive-rows.ts';
import type { Checkpoint } from '../../shared/postgres/tables/checkpoints.ts';
import type { Report } from './report.ts';

/** An order as the log makes it, and where its first and its last change stand. */
export interface RefoldedOrder {
  order: Order;
  createdOffset: number;
  lastOffset: number;
}

export interface RefoldOptions {
  client: LogClient;
  topic: string;
  /** A transaction that sees the tables as they were when the checkpoint was read. */
  snapshot: Client;
  report: Report;
  decode: DecodeOrderEvent;
  checkpoint: Checkpoint;
  /** What the log has of it up to the checkpoint. */
  range: { from: number; to: number };
  /** The archive begins at this offset: what is older was dropped from it. */
  archiveFrom: number;
  onEvents: (count: number) => void;
}

const ARCHIVE = `SELECT ${ARCHIVE_COLUMNS.join(', ')} FROM events WHERE partition = $1 ORDER BY log_offset`;

/** Resolves with the orders of the partition as of the checkpoint. */
export const refold = async (options: RefoldOptions): Promise<Map<string, RefoldedOrder>> => {
  const { client, topic, snapshot, report, decode, checkpoint, range, archiveFrom, onEvents } = options;
  const { partition } = checkpoint;
  const orders = new Map<string, RefoldedOrder>();
  const archive = await openCursor<ArchiveRow>(snapshot, 'archive', ARCHIVE, [partition]);
  const extra = (row: ArchiveRow): void => {
    report.add({ what: 'archive', id: `${partition}@${row.log_offset}`, field: 'row', expected: null, actual: row.effect });
  };
  let lastEventId: string | null = null;

  const onRecords = async (_: number, records: LogRecord[]): Promise<void> => {
    for (const record of records) {
      const folded = foldRecord(orders, record, decode(record));
      lastEventId = folded.eventId;
      let row = archive.current();
      while (row === undefined || row.log_offset < record.offset) {
        if (row !== undefined) {
          extra(row);
          archive.next();
        }
        if (!(await archive.fetched())) break;
        row = archive.current();
      }
      if (row?.log_offset === record.offset) archive.next();
      else row = undefined;
      if (record.offset >= archiveFrom) compareArchived(report, record, folded, row);
    }
    onEvents(records.length);
  };
  await readRange({ client, topic, from: new Map([[partition, range.from]]), to: new Map([[partition, range.to]]), onRecords });
  await archive.each(extra);
  await archive.close();
  if (lastEventId !== checkpoint.lastEventId) {
    report.add({
      what: 'checkpoint',
      id: String(partition),
      field: 'last_event_id',
      expected: lastEventId,
      actual: checkpoint.lastEventId,
    });
  }
  return orders;
};

const compareArchived = (report: Report, record: LogRecord, folded: Folded, row: ArchiveRow | undefined): void => {
  const id = `${record.partition}@${record.offset}`;
  if (row === undefined) {
    report.add({ what: 'archive', id, field: 'row', expected: folded.effect, actual: null });
    return;
  }
  for (const [field, expected] of Object.entries(archivedFields(record, folded))) {
    const actual = row[field as keyof ArchiveRow];
    if (Buffer.isBuffer(expected) && Buffer.isBuffer(actual) ? expected.equals(actual) : expected === actual) continue;
    report.add({ what: 'archive', id, field, expected: printable(expected), actual: printable(actual) });
  }
};

interface Folded {
  orderId: string | null;
  eventId: string | null;
  type: string | null;
  effect: ArchivedEffect;
}

const foldRecord = (orders: Map<string, RefoldedOrder>, record: LogRecord, decoded: ReturnType<DecodeOrderEvent>): Folded => {
  if (!decoded.ok) return { orderId: null, eventId: null, type: null, effect: 'undecodable' };
  const { event } = decoded;
  const before = orders.get(event.orderId);
  const { order, effect } = evolve(before?.order ?? null, event);
  if (order !== null && order !== before?.order) {
    orders.set(event.orderId, { order, createdOffset: before?.createdOffset ?? record.offset, lastOffset: record.offset });
  }
  return { orderId: event.orderId, eventId: event.id, type: record.headers.ce_type!.toString('utf8'), effect };
};

// A timestamp that PostgreSQL cannot hold is archived as the nearest one that everybody can.
const YEAR_9999 = Date.UTC(9999, 11, 31);

const archivedFields = (record: LogRecord, { orderId, effect, type }: Folded): Partial<ArchiveRow> => ({
  order_id: orderId,
  type,
  effect,
  recorded_at: Math.min(Math.max(record.timestamp, 0), YEAR_9999),
  ...storedBytes(record),
});

const printable = (value: unknown): unknown => (Buffer.isBuffer(value) ? value.toString('base64') : value);
