// What a processor does before it may decide anything.
// It waits for the ledger, says why, and claims only what is still its own.

import { describe, expect, it } from 'vitest';
import { createClaims } from '../../../../processor/ledger/claims.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { createMemoryLedger, emptyTables } from '../../../support/in-memory/ledger.ts';

const setUp = () => {
  const tables = emptyTables();
  const committed = new Map([['orders', new Map<number, number>()]]);
  const waiting: (() => void)[] = [];
  const claims = createClaims({
    ledger: createMemoryLedger(tables),
    topic: 'orders',
    committedOffsets: async () => committed,
    clock: { now: () => 0, after: (_, callback) => void waiting.push(callback) },
    logger: createLogger('test', 'silent'),
  });
  const passed = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  return { tables, committed, claims, waiting, passed };
};

describe('claims', () => {
  it('give the start offset and the note that the last owner left', async () => {
    const { tables, claims } = setUp();
    tables.partitions.set('orders/1', { epoch: 3, start: { offset: 9, note: 'logtime=4' } });
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

  it('wait while the ledger is not complete, or went back, and say what to do', async () => {
    const { tables, committed, claims, waiting, passed } = setUp();
    tables.complete = false;
    const starts = claims.startOffsets([0]);
    await passed();
    expect(claims.trouble()).toContain('npm run orders -- rebuild');
    tables.complete = true;
    committed.get('orders')!.set(5, 1); // a partition of another owner shows it too
    waiting.shift()!();
    await passed();
    expect(claims.trouble()).toContain('older than what Kafka has noted');
    committed.clear();
    waiting.shift()!();
    expect(await starts).toEqual(new Map([[0, 0]]));
    expect(claims.trouble()).toBeNull();
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
