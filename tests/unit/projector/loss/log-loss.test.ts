// What is here and not in the log: what makes one look, what is counted, and what is said.

import { describe, expect, it } from 'vitest';
import {
  createComparison,
  type LogLoss,
  type LogNow,
  type LossKind,
  lossNotAccepted,
  lossOf,
  lossSentence,
  type Missing,
  suspicionOf,
} from '../../../../projector/loss/log-loss.ts';
import type { LogRecord } from '../../../../shared/log/log.ts';
import { storedBytes } from '../../../../shared/postgres/tables/archive-rows.ts';
import { recordsOf } from '../../../support/builders/log-records.ts';
import { created, fact } from '../../../support/builders/order-events.ts';

const CHECKPOINT = { partition: 0, nextOffset: 10, topicId: 'a', lastEventId: 'nine' };
const LOG: LogNow = { topicId: 'a', low: 0, high: 12, eventBefore: 'nine' };

describe('a checkpoint', () => {
  const cases: [string, Partial<typeof CHECKPOINT> | { lastEventId: null }, Partial<LogNow>, LossKind | null][] = [
    ['has seen this log, which goes on', {}, {}, null],
    ['has seen all of it', {}, { high: 10 }, null],
    ['has seen nothing of another one', { nextOffset: 0 }, { topicId: 'b', eventBefore: null }, null],
    ['has seen another one', {}, { topicId: 'b' }, 'another-log'],
    ['has seen another one, and this is empty', {}, { topicId: 'b', high: 0, eventBefore: null }, 'log-lost'],
    ['has seen more', {}, { high: 9, eventBefore: null }, 'end-lost'],
    ['has seen another record there: the log lost its end and has grown past it', {}, { eventBefore: 'other' }, 'end-lost'],
    ['has seen a record that could not be decoded, which says nothing', { lastEventId: null }, { eventBefore: null }, 'end-lost'],
    ['has seen a beginning that is gone', {}, { low: 1 }, 'beginning-lost'],
    ['stands before all of it, and the beginning is gone', { nextOffset: 0 }, { low: 1 }, 'beginning-lost'],
  ];
  it.each(cases)('%s', (_, checkpoint, log, suspicion) => {
    expect(suspicionOf({ ...CHECKPOINT, ...checkpoint }, { ...LOG, ...log })).toBe(suspicion);
  });
});

const row = (record: LogRecord) => ({ order_id: record.headers.ce_subject?.toString() ?? null, ...storedBytes(record) });

describe('a comparison', () => {
  const events = [created('one'), created('two'), fact('OrderProcessing', 'one', 2, 'pending'), created('three')];
  const records = recordsOf(events);
  const rows = events.filter(({ name }) => name === 'OrderCreated').map(({ id, orderId }) => ({ order_id: orderId, created_event_id: id }));
  const missingOf = (inLog: readonly LogRecord[]): Missing => {
    const comparison = createComparison();
    inLog.forEach(comparison.inLog);
    records.map(row).forEach(comparison.archived);
    rows.forEach(comparison.order);
    return comparison.missing();
  };
  const NOTHING = { orders: 0, records: 0, ordersInPart: 0 };

  it('finds nothing where the log has every record, wherever it stands there, and more', () => {
    expect(missingOf(records)).toEqual(NOTHING);
    const elsewhere = [
      ...recordsOf([created('other')]),
      ...records.toReversed().map((record, offset) => ({ ...record, offset: offset + 50 })),
    ];
    expect(missingOf(elsewhere)).toEqual(NOTHING);
  });

  it('counts orders that the log has not, records that it has not, and orders of which it has a part', () => {
    expect(missingOf([])).toEqual({ orders: 3, records: 4, ordersInPart: 0 });
    expect(missingOf(records.slice(0, 2))).toEqual({ orders: 1, records: 2, ordersInPart: 1 });
    expect(missingOf(records.slice(1))).toEqual({ orders: 1, records: 1, ordersInPart: 0 });
  });

  it('takes a record with other bytes for another record', () => {
    const [first, ...rest] = records as [LogRecord, ...LogRecord[]];
    const headers = { ...first.headers, ce_time: Buffer.from('2020-01-01T00:00:00.000Z') };
    for (const other of [
      { ...first, value: Buffer.from(`${first.value} `) },
      { ...first, value: null },
      { ...first, key: null },
      { ...first, headers, exactHeaders: undefined },
    ])
      expect(missingOf([other as LogRecord, ...rest])).toMatchObject({ records: 1, orders: 0, ordersInPart: 1 });
  });

  it('counts an order whose records were dropped from the archive', () => {
    const comparison = createComparison();
    rows.forEach(comparison.order);
    expect(comparison.missing()).toEqual({ orders: 3, records: 0, ordersInPart: 0 });
  });
});

describe('a loss', () => {
  const some: Missing = { orders: 1_000, records: 3_000, ordersInPart: 0 };
  const more: Missing = { orders: 793, records: 2_379, ordersInPart: 12 };

  it('is none where all that is here is in the log after all', () => {
    expect(lossOf([], [], 0)).toBeNull();
    expect(lossOf(['another-log', 'end-lost'], [{ orders: 0, records: 0, ordersInPart: 0 }], 0)).toBeNull();
  });

  it('adds up the partitions, and is of the kind that explains the others', () => {
    expect(lossOf(['end-lost', 'beginning-lost'], [some, more], 0)).toMatchObject({
      kind: 'beginning-lost',
      orders: 1_793,
      records: 5_379,
    });
    expect(lossOf(['log-lost', 'another-log', 'log-lost'], [some], 0)?.kind).toBe('another-log');
    expect(lossOf(['log-lost', 'log-lost'], [some], 0)?.kind).toBe('log-lost');
  });

  it('is one, too, where nothing here remembers the beginning', () => {
    expect(lossOf(['beginning-lost'], [], 7)).toMatchObject({ orders: 0, records: 0, unknownBelow: 7 });
  });

  it('is said with its numbers and with the section that says what to do', () => {
    const loss = lossOf(['log-lost'], [some, more], 0) as LogLoss;
    expect(lossSentence(loss, 'orders')).toBe(
      '1,793 orders and 5,379 records are here and not in the log: the topic orders was made anew and is empty. Of 12 more orders the log has only a part.',
    );
    const { code, message } = lossNotAccepted(loss, 'orders', 'Nothing was changed.');
    expect(code).toBe('LOSS_NOT_ACCEPTED');
    expect(message).toMatch(/ Nothing was changed\. What to do first: docs\/recovery\.md#the-log-is-lost\.$/);
    const one = { kind: 'end-lost', orders: 0, records: 1, ordersInPart: 1, unknownBelow: 0 } as const;
    expect(lossSentence(one, 'orders')).toBe(
      '0 orders and 1 record are here and not in the log: the topic orders has lost its end. Of 1 more order the log has only a part.',
    );
  });
});
