// tests/unit/shared/log/append/appender-waits.test.ts: how long an append waits that no round can take, also when a round had it meanwhile and gave it back.

import { beforeEach, describe, expect, it } from 'vitest';
import { createAppenderOn } from '../../../../../shared/log/append/appender.ts';
import type { AppendResult } from '../../../../../shared/log/append/sender.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };
const RECORD = { topic: 'orders', key: 'a', value: '{}', headers: {} };
const WAIT_MAX_MS = 10_000;

/** An appender whose only round ends after so long, without the record in the log; no broker is there any more then. */
const appenderThatGivesBack = (kind: 'not-appended' | 'leader-moved', afterMs: number) => {
  let opened = 0;
  return createAppenderOn({
    logger,
    partitionCounts: new Map([['orders', 1]]),
    openSender: () => {
      opened += 1;
      const isFirst = opened === 1;
      return {
        connect: () => (isFirst ? Promise.resolve() : Promise.reject(new Error('no broker'))),
        send: (batches) =>
          new Promise((resolve) => {
            setTimeout(() => resolve(batches.map((): AppendResult => ({ kind, cause: new Error('refused') }))), afterMs);
          }),
        destroy: silent,
      };
    },
  });
};

describe('an append', () => {
  beforeEach(steerTime);

  it.each([
    ['not-appended', 1_000, 'LOG_UNAVAILABLE'],
    ['leader-moved', 1_000, 'APPEND_OUTCOME_UNKNOWN'],
    ['not-appended', WAIT_MAX_MS + 1_000, 'LOG_UNAVAILABLE'],
    ['leader-moved', WAIT_MAX_MS + 1_000, 'APPEND_OUTCOME_UNKNOWN'],
  ] as const)('whose round ends %s after %d ms is rejected once it has waited for ten seconds in all: %s', async (kind, afterMs, code) => {
    const appender = appenderThatGivesBack(kind, afterMs);
    let told: unknown = null;
    appender.append(RECORD).catch((error: { code: string }) => {
      told = error.code;
    });
    await pass(Math.max(WAIT_MAX_MS, afterMs) - 100);
    expect(told).toBe(null);
    await pass(300);
    expect(told).toBe(code);
    await appender.stop();
  });
});
