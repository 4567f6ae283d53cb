// Where a reader begins cannot be found out: how long it tries before another process is better given its partitions.

import { beforeEach, expect, it } from 'vitest';
import type { LogClient } from '../../../../../shared/log/connect/client.ts';
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
