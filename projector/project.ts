// projector/project.ts: folds a batch of decoded records into everything that one transaction writes.
// Pure: rows in, rows out. The live projector and the rebuild share this fold, so both produce the same tables.

import type { Decoded } from '../shared/log/codec/order-codec.ts';
import { type LogRecord, offsetAfter } from '../shared/log/log.ts';
import type { ArchivedRecord } from '../shared/postgres/tables/archive-rows.ts';
import type { Counters } from '../shared/postgres/tables/counters.ts';
import type { StoredOrder } from '../shared/postgres/tables/order-rows.ts';
import { archived } from './projections/archive.ts';
import { countersDelta } from './projections/counters.ts';
import { type ProductRows, productRows } from './projections/order-products.ts';
import { foldStored, type OrderChange } from './projections/orders.ts';
import { type BucketDelta, processingTimes } from './projections/processing-time.ts';

export interface DecodedRecord {
  record: LogRecord;
  decoded: Decoded;
}

/** The step of one partition's checkpoint: the batch holds its records from `from` up to, not including, `to`. */
export interface CheckpointMove {
  partition: number;
  from: number;
  to: number;
  /** ce_id of the record before `to`; null if that one could not be decoded. */
  lastEventId: string | null;
}

export interface Batch {
  moves: CheckpointMove[];
  /** Each changed order once, with its state before and after the whole batch. */
  changes: OrderChange[];
  products: ProductRows;
  archive: ArchivedRecord[];
  counters: Map<number, Counters>;
  processingTimes: BucketDelta[];
}

/**
 * Folds records, in this order, into the orders given by `stored` (null: there is no such order). The records of each
 * partition must be contiguous. Records that change nothing (void, requests, undecodable) are archived all the same.
 */
export const project = (records: readonly DecodedRecord[], stored: (orderId: string) => StoredOrder | null): Batch => {
  const byOrder = new Map<string, OrderChange>();
  const moves = new Map<number, CheckpointMove>();
  const archive: ArchivedRecord[] = [];
  for (const { record, decoded } of records) {
    archive.push(archived(record, decoded, decoded.ok ? foldInto(byOrder, stored, decoded.event, record) : 'undecodable'));
    advance(moves, record, decoded);
  }
  const changes = [...byOrder.values()];
  return {
    moves: [...moves.values()],
    changes,
    products: productRows(changes),
    archive,
    counters: countersDelta(changes),
    processingTimes: processingTimes(changes),
  };
};

type Event = (Decoded & { ok: true })['event'];

const foldInto = (
  byOrder: Map<string, OrderChange>,
  stored: (orderId: string) => StoredOrder | null,
  event: Event,
  record: LogRecord,
): ReturnType<typeof foldStored>['effect'] => {
  const change = byOrder.get(event.orderId);
  const before = change === undefined ? stored(event.orderId) : change.after;
  const folded = foldStored(before, event, record);
  if (folded.stored !== null && folded.stored !== before) {
    if (change === undefined) byOrder.set(event.orderId, { before, after: folded.stored });
    else change.after = folded.stored;
  }
  return folded.effect;
};

const advance = (moves: Map<number, CheckpointMove>, record: LogRecord, decoded: Decoded): void => {
  const { partition, offset } = record;
  const lastEventId = decoded.ok ? decoded.event.id : null;
  const move = moves.get(partition);
  if (move === undefined) {
    moves.set(partition, { partition, from: offset, to: offsetAfter(record), lastEventId });
    return;
  }
  if (offset !== move.to)
    throw new Error(`partition ${partition} goes from offset ${move.to - 1} to ${offset}: records must be contiguous`);
  move.to = offsetAfter(record);
  move.lastEventId = lastEventId;
};
