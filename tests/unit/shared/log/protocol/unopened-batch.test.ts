// The record that stands for a batch, recognised by its bytes alone, as the archive has them.

import { describe, expect, it } from 'vitest';
import { type LogRecord, UNOPENED_REASONS } from '../../../../../shared/log/log.ts';
import { archivedBatch, unopenedBatch } from '../../../../../shared/log/protocol/unopened-batch.ts';

const at = { topic: 'orders', partition: 0, offset: 10, lastOffset: 14, timestamp: 0 };
const batch = Buffer.from('some bytes');

const asArchived = (record: LogRecord): LogRecord => {
  const { unopened: _, ...rest } = record;
  return rest;
};

describe('an archived batch', () => {
  it.each([...UNOPENED_REASONS])('is what it was: %s', (reason) => {
    for (const bytes of [batch, Buffer.alloc(2_000_001)]) {
      const record = unopenedBatch(at, bytes, reason);
      expect(archivedBatch(asArchived(record))).toEqual({ reason, lastOffset: 14 });
    }
  });

  const record = asArchived(unopenedBatch(at, batch, 'TOO_LARGE'));
  const withHeader = (name: string, value: string): LogRecord => ({
    ...record,
    headers: { ...record.headers, [name]: Buffer.from(value) },
  });
  it.each<[string, LogRecord]>([
    ['a key', { ...record, key: Buffer.from('k') }],
    ['another value', { ...record, value: Buffer.from('some bytez') }],
    ['no value though it is small', { ...record, value: null }],
    ['another reason', withHeader('batch_reason', 'BORED')],
    ['an end before its beginning', withHeader('batch_last_offset', '9')],
    ['one header more', withHeader('ce_id', 'x')],
    ['no headers', { ...record, headers: {} }],
  ])('is a record that stands for itself with %s', (_, other) => {
    expect(archivedBatch(other)).toBeNull();
  });
});
