// What a processor does before it may decide anything.
// It waits for the ledger, says why, and claims only what is still its own.

import { describe, expect, it } from 'vitest';
import type { StartCopy } from '../../../../processor/consumer-group.ts';
import { createClaims } from '../../../../processor/ledger/claims.ts';
import type { LogMark } from '../../../../shared/log/identity/log-mismatch.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { createMemoryLedger, emptyTables } from '../../../support/in-memory/ledger.ts';

const setUp = (repair: () => Promise<void> = async () => {}) => {
  const tables = emptyTables();
  const committed = new Map([['orders', new Map<number, StartCopy>()]]);
  const waiting: (() => void)[] = [];
  const checked: LogMark[] = [];
  const log = { isAnother: false, answers: [] as Promise<void>[] };
  const claims = createClaims({
    ledger: createMemoryLedger(tables),
    topic: 'orders',
    committedOffsets: async () => committed,
    checkMarks: async (marks) => {
      checked.push(...marks);
      await log.answers.shift();
      if (log.isAnother) throw new AppError('LOG_MISMATCH', 'another log');
      return 'topic';
    },
    repair: { repair, progress: () => null },
    clock: { now: () => 0, after: (_, callback) => void waiting.push(callback) },
    logger: createLogger('test', 'silent'),
  });
  const passed = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  return { tables, committed, claims, waiting, passed, checked, log };
};

describe('claims', () => {
  it('give the start offset and the note that the last owner left', async () => {
    const { tables, claims } = setUp();
    tables.partitions.set('orders/1', { epoch: 3, sequence: 8, start: { offset: 9, note: 'logtime=4' } });
    expect(await claims.startOffsets([0, 1])).toEqual(
      new Map([
        [0, 0],
        [1, 9],
      ]),
    );
    expect(tables.partitions.get('orders/1')?.epoch).toBe(4);
    expect(claims.noted({ partition: 1, startOffset: 9, highWatermark: 9, metadata: 'of Kafka' }).metadata).toBe('logtime=4');
    expect(claims.trouble()).toBeNull();
  });

  it('wait while the ledger is not complete, and say what to do', async () => {
    const { tables, claims, waiting, passed } = setUp();
    tables.complete = false;
    const starts = claims.startOffsets([0]);
    await passed();
    expect(claims.trouble()).toContain('npm run orders -- rebuild');
    tables.complete = true;
    waiting.shift()!();
    expect(await starts).toEqual(new Map([[0, 0]]));
    expect(claims.trouble()).toBeNull();
  });

  it('wait for nothing any more once their partitions went to another process', async () => {
    const { tables, claims, waiting, passed } = setUp();
    tables.complete = false;
    const starts = claims.startOffsets([0]);
    await passed();
    claims.revoked([0]);
    waiting.shift()!();
    expect(await starts).toEqual(new Map());
    expect(claims.trouble()).toBeNull(); // a processor without a share is ready
  });

  it('have a ledger made again whose database has lost commits, and go on by themselves (R17)', async () => {
    const repairing = Promise.withResolvers<void>();
    const { tables, committed, claims, waiting, passed } = setUp(() => repairing.promise);
    committed.get('orders')!.set(5, { offset: 1, stamp: null }); // a partition of another owner shows it too
    const starts = claims.startOffsets([0]);
    await passed();
    expect(claims.trouble()).toContain('has lost commits');
    committed.clear();
    tables.wentBack = false; // as the rebuild leaves it
    repairing.resolve();
    await passed();
    waiting.shift()!();
    expect(await starts).toEqual(new Map([[0, 0]]));
    expect(claims.trouble()).toBeNull();
  });

  it('end where the ledger cannot be made again without a person', async () => {
    const { committed, claims } = setUp(async () => {
      throw new AppError('LOG_GAP', 'records are missing');
    });
    committed.get('orders')!.set(5, { offset: 1, stamp: null });
    await expect(claims.startOffsets([0])).rejects.toMatchObject({ code: 'LOG_GAP' });
  });

  it('end where the ledger does not follow from this log, before anything is read (R17)', async () => {
    const { tables, claims, checked, log } = setUp();
    const mark = { nextOffset: 12, topicId: 'topic', lastEventId: 'e-11' };
    tables.partitions.set('orders/1', { epoch: 3, sequence: 8, start: { offset: 9, note: null, mark } });
    await claims.startOffsets([0, 1]);
    expect(checked).toEqual([{ partition: 1, ...mark }]);
    log.isAnother = true;
    await expect(claims.startOffsets([1])).rejects.toMatchObject({ code: 'LOG_MISMATCH' });
  });

  it('go by the latest one where a partition came back while an earlier one still asked the log', async () => {
    const { tables, claims, passed, log } = setUp();
    const slow = Promise.withResolvers<void>();
    log.answers.push(slow.promise);
    tables.partitions.set('orders/0', { epoch: 3, sequence: 8, start: { offset: 9, note: 'logtime=4' } });
    const first = claims.startOffsets([0]);
    await passed();
    claims.revoked([0]);
    tables.partitions.set('orders/0', { epoch: 5, sequence: 30, start: { offset: 20, note: 'logtime=7' } }); // its owner in between
    expect(await claims.startOffsets([0])).toEqual(new Map([[0, 20]]));
    slow.resolve();
    await first;
    expect(claims.noted({ partition: 0, startOffset: 20, highWatermark: 20, metadata: null }).metadata).toBe('logtime=7');
  });

  it('leave alone what was taken away while they waited: its new owner has it', async () => {
    const { tables, claims, waiting, passed } = setUp();
    tables.complete = false;
    const first = claims.startOffsets([0, 1]);
    await passed();
    claims.revoked([0]);
    tables.complete = true;
    waiting.shift()!();
    expect(await first).toEqual(new Map([[1, 0]]));
    expect(tables.partitions.has('orders/0')).toBe(false);
  });
});
