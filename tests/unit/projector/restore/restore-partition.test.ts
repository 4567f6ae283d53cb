// Any archive, any log that has lost something and may have gone on, and a restore that may be interrupted: nothing is missing afterwards,
// nothing that was there has moved, and what was appended stands in its order.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../../../shared/log/log.ts';
import { BATCH_PARTS_MAX } from '../../../../shared/log/protocol/batch-limits.ts';
import { nameOf } from '../../../support/in-memory/archive.ts';
import { type Item, type LogInMemory, logOf, recordsOf, restore } from './two-histories.ts';

const RUNS = 2_000;

// Few numbers, so that copies occur, as appends in doubt make them.
const record = fc.integer({ min: 0, max: 12 }).map((id): Item => ({ id }));
const batch = fc.record({ id: fc.integer({ min: 50, max: 52 }), batch: fc.integer({ min: 1, max: 4 }) });
const history = fc.array(fc.oneof({ weight: 6, arbitrary: record }, { weight: 1, arbitrary: batch }), { maxLength: 14 });
const plain = fc.array(record, { maxLength: 14 });
/** Written after the loss: new orders, and copies of old ones. */
const since = fc.array(
  fc.oneof(
    record,
    fc.integer({ min: 100, max: 105 }).map((id): Item => ({ id })),
  ),
  { maxLength: 8 },
);

const names = (records: readonly LogRecord[]): string[] => records.map(nameOf);
const restorableOf = (archived: readonly LogRecord[]): LogRecord[] => archived.filter(({ unopened }) => unopened === undefined);

const isSubsequence = (some: readonly string[], all: readonly string[]): boolean => {
  let at = 0;
  for (const each of all) if (each === some[at]) at += 1;
  return at === some.length;
};

/** Restores until it is through, however often it is interrupted. */
const restoreAtLast = async (archived: readonly LogRecord[], log: LogInMemory, cuts: readonly number[]): Promise<void> => {
  for (const cut of cuts) {
    log.failAfter = cut;
    await restore(archived, log).catch((error: Error) => expect(error.message).toBe('interrupted'));
  }
  log.failAfter = Number.POSITIVE_INFINITY;
  await restore(archived, log);
};

const cuts = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 3 });

describe('a restored partition', () => {
  it('has every record of the archive, in their order behind what is there, and a second run appends nothing', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat({ max: 14 }), since, cuts, async (items, kept, later, interruptions) => {
        const archived = recordsOf(items);
        const log = logOf(recordsOf([...items.slice(0, kept), ...later]));
        const before = [...log.records];
        await restoreAtLast(archived, log, interruptions);
        expect(log.records.slice(0, before.length)).toEqual(before);
        const appended = log.records.slice(before.length);
        expect(isSubsequence(names(appended), names(archived))).toBe(true);
        const there = new Set(names(log.records));
        expect(names(restorableOf(archived)).filter((name) => !there.has(name))).toEqual([]);
        expect((await restore(archived, log)).appended).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('is the same log, offset by offset and copies included, where nothing was written since and the archive is whole', async () => {
    await fc.assert(
      fc.asyncProperty(plain, fc.nat({ max: 14 }), cuts, async (items, kept, interruptions) => {
        const archived = recordsOf(items);
        const log = logOf(recordsOf(items.slice(0, kept)));
        await restoreAtLast(archived, log, interruptions);
        expect(log.records).toEqual(archived);
      }),
      { numRuns: RUNS },
    );
  });

  it('gets nothing where nothing was lost, however far it has gone on', async () => {
    await fc.assert(
      fc.asyncProperty(history, since, async (items, later) => {
        const archived = recordsOf(items);
        const log = logOf(recordsOf([...items, ...later]));
        expect(await restore(archived, log)).toMatchObject({ found: items.length, appended: 0, moved: 0, leftOutCount: 0, missing: 0 });
      }),
      { numRuns: RUNS },
    );
  });

  it('appends what two runs append that are interrupted between any two records: no copy more, where nothing was written since', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat({ max: 14 }), cuts, async (items, kept, interruptions) => {
        const archived = recordsOf(items);
        const [whole, interrupted] = [logOf(recordsOf(items.slice(0, kept))), logOf(recordsOf(items.slice(0, kept)))];
        await restoreAtLast(archived, whole, []);
        await restoreAtLast(archived, interrupted, interruptions);
        expect(interrupted.records).toEqual(whole.records);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('the report of a restored partition', () => {
  const items = (from: number, to: number): Item[] => Array.from({ length: to - from }, (_, index) => ({ id: from + index }));

  it('counts what was there, what was appended, and the orders that begin with it', async () => {
    const archived = recordsOf(items(1, 9));
    const report = await restore(archived, logOf(archived.slice(0, 3)));
    expect(report).toEqual({
      partition: 0,
      archived: 8,
      found: 3,
      appended: 5,
      orders: 5,
      moved: 0,
      leftOutCount: 0,
      leftOut: [],
      missing: 0,
    });
  });

  it('says what does not stand where it stood', async () => {
    const archived = recordsOf(items(1, 9));
    const log = logOf(recordsOf([...items(1, 4), { id: 100 }, { id: 101 }]));
    expect(await restore(archived, log)).toMatchObject({ found: 3, appended: 5, moved: 5 });
  });

  it('names the batches that nobody opens, and what follows them moves up', async () => {
    const archived = recordsOf([{ id: 1 }, { id: 2, batch: 3 }, { id: 3 }]);
    const log = logOf([]);
    expect(await restore(archived, log)).toMatchObject({
      appended: 2,
      moved: 1,
      leftOutCount: 1,
      leftOut: [{ partition: 0, offset: 1, because: 'UNOPENED_BATCH' }],
      missing: 0,
    });
    expect(log.records.map(({ offset }) => offset)).toEqual([0, 1]);
  });

  it('finds such a batch where it still is', async () => {
    const archived = recordsOf([{ id: 1 }, { id: 2, batch: 3 }, { id: 3 }]);
    expect(await restore(archived, logOf(archived.slice(0, 2)))).toMatchObject({ found: 2, appended: 1, moved: 0, leftOutCount: 0 });
  });

  it('counts what the archive lacks: before, between and behind its records', async () => {
    const whole = recordsOf(items(1, 11));
    const archived = whole.filter(({ offset }) => ![0, 4, 5].includes(offset));
    expect(await restore(archived, logOf([]))).toMatchObject({ archived: 7, appended: 7, missing: 3 });
  });

  it('compares an archive that begins later with the log from there on, if it is the log that it was made from', async () => {
    const whole = recordsOf(items(1, 11));
    const archived = whole.slice(4);
    expect(await restore(archived, logOf(whole.slice(0, 7)), 4)).toMatchObject({ found: 3, appended: 3, moved: 0, missing: 0 });
    const log = logOf([]);
    expect(await restore(archived, log, 4)).toMatchObject({ found: 0, appended: 6, moved: 6 });
    expect(await restore(archived, log, 4)).toMatchObject({ found: 6, appended: 0 });
  });
});

describe('a batch of a restored partition', () => {
  const like = (count: number, change: (record: LogRecord) => LogRecord): LogRecord[] =>
    recordsOf(Array.from({ length: count }, (_, id) => ({ id: 5 * id + 1 }))).map(change);
  const batchesOf = async (archived: readonly LogRecord[]): Promise<number[]> => {
    const log = logOf([]);
    await restore(archived, log);
    expect(log.records).toEqual(archived);
    return log.batches;
  };

  it('has at most a thousand records', async () => {
    expect(await batchesOf(like(2_500, (record) => record))).toEqual([1_000, 1_000, 500]);
  });

  it('has at most 900,000 bytes, unless one record alone has more', async () => {
    const sizes = [400_000, 400_000, 400_000, 950_000, 10];
    const archived = like(5, (record) => ({ ...record, value: Buffer.alloc(sizes[record.offset]!) }));
    expect(await batchesOf(archived)).toEqual([2, 1, 1, 1]);
  });

  it('has no more headers than a reader opens', async () => {
    const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`h${index.toString(36)}`, Buffer.alloc(0)]));
    const batches = await batchesOf(like(20, (record) => ({ ...record, headers })));
    expect(batches.length).toBeGreaterThan(1);
    for (const records of batches) expect(records * 10_001).toBeLessThan(BATCH_PARTS_MAX);
  });
});
