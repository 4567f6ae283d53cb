// A rebuild or a verify whose brokers say nothing: it ends with a sentence instead of waiting for ever.

import { beforeEach, expect, it } from 'vitest';
import type { LogClient } from '../../../../../shared/log/connect/client.ts';
import { readRange } from '../../../../../shared/log/read/read-range.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const STALL_MAX_MS = 30_000;
const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };
const client = {
  logger,
  openLink: () => ({ cluster: { connect: () => new Promise<never>(() => {}) }, destroy: silent }),
} as unknown as LogClient;

beforeEach(steerTime);

it('a stretch of the log of which nothing comes is waited for for half a minute', async () => {
  let failure: unknown = null;
  const onRecords = silent;
  readRange({ client, topic: 'orders', from: new Map([[0, 0]]), to: new Map([[0, 5]]), onRecords }).catch((error: unknown) => {
    failure = error;
  });
  await pass(STALL_MAX_MS - 1_000);
  expect(failure).toBeNull();
  await pass(2_000);
  expect(failure).toMatchObject({ code: 'LOG_UNAVAILABLE', message: 'Nothing came from orders for 30 s (0 at 0 of 5).' });
});
