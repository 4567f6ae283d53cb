// Where a reader begins cannot be found out: how long it tries before another process is better given its partitions.

import { beforeEach, describe, expect, it } from 'vitest';
import type { LogClient } from '../../../../../shared/log/connect/client.ts';
import { assignmentOf } from '../../../../../shared/log/read/assigned-partition.ts';
import { createStartFinder } from '../../../../../shared/log/read/start-offsets.ts';
import { AppError } from '../../../../../shared/runtime/app-error.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const START_MAX_MS = 60_000;
const silent = (): void => undefined;
const client = { logger: { debug: silent, info: silent, warn: silent, error: silent } } as unknown as LogClient;

beforeEach(steerTime);

it('a start that cannot be found out is tried for a minute, then the reader gives up', async () => {
  let tries = 0;
  const startOffsets = async (): Promise<never> => {
    tries += 1;
    throw new AppError('DATABASE_UNAVAILABLE', 'told to be');
  };
  const find = createStartFinder({ client, topic: 'orders', groupId: 'g', soleMember: true, startOffsets });
  let failure: unknown = null;
  find([0], () => true).catch((error: unknown) => {
    failure = error;
  });
  await pass(START_MAX_MS - 1_000);
  expect(failure).toBeNull();
  expect(tries).toBeGreaterThan(100);
  await pass(2_000);
  expect(failure).toMatchObject({ code: 'LOG_UNAVAILABLE' });
});

describe('a start', () => {
  const ends = new Map([[0, { low: 3, high: 7 }]]);
  const startOf = (given: number | null, committed: number | null) =>
    assignmentOf('orders', 0, {
      given: new Map(given === null ? [] : [[0, given]]),
      committed: new Map(committed === null ? [] : [[0, { offset: committed, metadata: 'note' }]]),
      ends,
    });

  it('is what the owner says, else what the group has committed, else the beginning', () => {
    expect(startOf(4, 5)).toEqual({ partition: 0, startOffset: 4, highWatermark: 7, metadata: 'note' });
    expect(startOf(null, 5).startOffset).toBe(5);
    expect(startOf(null, null)).toEqual({ partition: 0, startOffset: 3, highWatermark: 7, metadata: null });
  });

  it('may be the beginning or the end of the log, and lie one record beyond neither', () => {
    expect([3, 7].map((offset) => startOf(offset, null).startOffset)).toEqual([3, 7]);
    for (const offset of [2, 8]) expect(() => startOf(offset, null)).toThrow('but the log there goes from 3 to 7');
    for (const offset of [2, 8]) expect(() => startOf(null, offset)).toThrow('but the log there goes from 3 to 7');
  });
});
