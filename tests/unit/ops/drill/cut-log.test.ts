// The end of a partition's files is cut at whole batches, and what the broker noted about it is gone.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cutLog, cutLogAt } from '../../../../ops/drill/faults/cut-log.ts';

const FIRST = '00000000000000000000.log';
const LAST = '00000000000000000010.log';

/** As much of a batch as is looked at: base offset, length, and how far the last record is from the base. */
const batch = (base: number, records: number): Buffer => {
  const bytes = Buffer.alloc(61);
  bytes.writeBigInt64BE(BigInt(base), 0);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt32BE(records - 1, 23);
  return bytes;
};

let data: string;
const partition = (number: number): string => join(data, `orders-${number}`);
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'order-service-cut-'));
  for (const number of [0, 1]) {
    await mkdir(partition(number));
    await writeFile(join(partition(number), FIRST), batch(0, 10));
    // Two batches end at 12 and 17; behind them space that was set aside.
    await writeFile(join(partition(number), LAST), Buffer.concat([batch(10, 2), batch(12, 5), Buffer.alloc(100)]));
    await writeFile(join(partition(number), '00000000000000000012.snapshot'), '');
  }
  await mkdir(join(data, 'orders-other-0'));
  await writeFile(join(data, 'orders-other-0', FIRST), batch(0, 1));
  await writeFile(join(data, 'replication-offset-checkpoint'), '');
});
afterEach(() => rm(data, { recursive: true }));

const sizeOf = async (number: number): Promise<number> => (await readFile(join(partition(number), LAST))).length / batch(0, 1).length;

describe('the end of a log', () => {
  it('is cut by so many batches in every partition of the topic', async () => {
    await cutLog(data, 'orders', 1);
    expect([await sizeOf(0), await sizeOf(1)]).toEqual([1, 1]);
    expect(await readFile(join(data, 'orders-other-0', FIRST))).toEqual(batch(0, 1));
    expect(await readdir(partition(0))).toEqual([FIRST, LAST]);
    expect(await readdir(data)).not.toContain('replication-offset-checkpoint');
  });

  it.each([
    { offset: 20, end: 17, batches: 2 },
    { offset: 17, end: 17, batches: 2 },
    { offset: 16, end: 12, batches: 1 },
    { offset: 11, end: 10, batches: 0 },
    { offset: 3, end: 10, batches: 0 },
  ])('is cut behind the last batch that ends at or below offset $offset: it ends at $end then', async ({ offset, end, batches }) => {
    expect(await cutLogAt(data, 'orders', new Map([[1, offset]]))).toEqual(new Map([[1, end]]));
    expect(Math.floor(await sizeOf(1))).toBe(batches === 2 ? 3 : batches); // nothing is cut where nothing is lost: the space is still there
    expect(await sizeOf(0)).toBeGreaterThan(3);
  });
});
