// Where a successor starts is noted in the ledger before it is copied to Kafka, only when it moves, and now and then all the same.

import { describe, expect, it } from 'vitest';
import { startCopy } from '../../../processor/consumer-group.ts';
import { LedgerFenced, type StartMove } from '../../../processor/ledger/ledger.ts';
import { createStartCommits } from '../../../processor/start-commits.ts';
import type { GroupOffset } from '../../../shared/log/log.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';

const setUp = () => {
  let now = 0;
  const starts = new Map<number, StartMove>([
    [0, { offset: 5, note: 'logtime=1' }],
    [1, { offset: 7, note: null }],
  ]);
  const stamps = new Map([
    [0, { epoch: 4, sequence: 19 }],
    [1, { epoch: 2, sequence: 6 }],
  ]);
  const calls: [string, number[]][] = [];
  const failures: Error[] = [];
  const clock = {
    now: () => now,
    after: (ms: number, callback: () => void) => {
      now += ms;
      queueMicrotask(callback);
    },
  };
  const noted: ReadonlyMap<number, StartMove>[] = [];
  const copies = new Map<number, GroupOffset>();
  const commit = createStartCommits({
    starts: () => starts,
    note: async (moved) => {
      calls.push(['note', [...moved.keys()]]);
      noted.push(moved);
      const failure = failures.shift();
      if (failure) throw failure;
    },
    stampOf: (partition) => stamps.get(partition) ?? null,
    copy: async (moved) => {
      calls.push(['copy', [...moved.keys()]]);
      for (const [partition, offset] of moved) copies.set(partition, offset);
    },
    clock,
    logger: createLogger('test', 'silent'),
  });
  const pass = (ms: number): void => {
    now += ms;
  };
  return { starts, stamps, calls, noted, copies, failures, commit, pass };
};

describe('start offsets', () => {
  it('are noted in the ledger first, and written again only where they moved', async () => {
    const { starts, calls, noted, commit } = setUp();
    await commit();
    await commit();
    starts.set(1, { offset: 8, note: null });
    await commit();
    expect(calls).toEqual([
      ['note', [0, 1]],
      ['copy', [0, 1]],
      ['note', [1]],
      ['copy', [1]],
    ]);
    expect(noted[0]?.get(0)).toEqual({ offset: 5, note: 'logtime=1' });
  });

  it('are copied with how far the ledger had come, which a database that lost commits is behind (R17)', async () => {
    const { copies, commit } = setUp();
    await commit();
    expect(copies).toEqual(
      new Map([
        [0, { offset: 5, metadata: 'logtime=1;ledger=4.19' }],
        [1, { offset: 7, metadata: 'ledger=2.6' }],
      ]),
    );
    expect(startCopy(copies.get(0)!)).toEqual({ offset: 5, stamp: { epoch: 4, sequence: 19 } });
    expect(startCopy(copies.get(1)!)).toEqual({ offset: 7, stamp: { epoch: 2, sequence: 6 } });
    expect(startCopy({ offset: 7 })).toEqual({ offset: 7, stamp: null });
    expect(startCopy({ offset: 7, metadata: 'logtime=5' })).toEqual({ offset: 7, stamp: null }); // of an older version
    expect(startCopy({ offset: 7, metadata: 'ledger=1.2' })).toEqual({ offset: 7, stamp: { epoch: 1, sequence: 2 } }); // of products
  });

  it('are repeated after ten seconds without any movement, so that an idle owner finds out about its fence', async () => {
    const { calls, commit, failures, pass } = setUp();
    await commit();
    pass(9_999);
    await commit();
    expect(calls).toHaveLength(2);
    pass(1);
    failures.push(...Array.from({ length: 100 }, () => new LedgerFenced([{ topic: 'orders', partition: 0 }])));
    await expect(commit()).rejects.toMatchObject({ code: 'LEDGER_FENCED' });
    expect(calls.filter(([what]) => what === 'copy')).toHaveLength(1);
  });

  it('are repeated also when the clock was put back by hours', async () => {
    const { calls, commit, pass } = setUp();
    await commit();
    pass(-3_600_000);
    await commit();
    expect(calls.map(([what]) => what)).toEqual(['note', 'copy', 'note', 'copy']);
  });

  it('wait for a database that is away, and are copied once it has them', async () => {
    const { calls, commit, failures } = setUp();
    failures.push(new AppError('DATABASE_UNAVAILABLE', 'away'));
    await commit();
    expect(calls.map(([what]) => what)).toEqual(['note', 'note', 'copy']);
  });

  it('are neither copied nor taken for written where the partition was taken away and came back before the answer (R17)', async () => {
    const { calls, stamps, commit } = setUp();
    const committed = commit();
    const stamp = stamps.get(1)!;
    stamps.delete(1); // it is wanted again, and claimed after this answer
    await committed;
    stamps.set(1, stamp);
    await commit();
    expect(calls).toEqual([
      ['note', [0, 1]],
      ['copy', [0]],
      ['note', [1]],
      ['copy', [1]],
    ]);
  });

  it('of partitions that were taken away meanwhile are not insisted on', async () => {
    const { starts, calls, commit, failures } = setUp();
    failures.push(new LedgerFenced([{ topic: 'orders', partition: 1 }]));
    const committed = commit();
    starts.delete(1);
    await committed;
    expect(calls).toEqual([
      ['note', [0, 1]],
      ['note', [0]],
      ['copy', [0]],
    ]);
  });
});
