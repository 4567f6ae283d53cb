// How an appender ends while the log does not answer: every caller hears what became of its record, and the stop is over.

import { describe, expect, it } from 'vitest';
import { createAppenderOn } from '../../../../../shared/log/append/appender.ts';
import type { AppendResult } from '../../../../../shared/log/append/sender.ts';
import { within } from '../../../../../shared/runtime/within.ts';
import { eventually } from '../../../../support/eventually.ts';

const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };
const RECORD = { topic: 'orders', key: 'a', value: '{}', headers: {} };
const STOP_LIMIT_MS = 8_000; // it takes one second; the wait of a record that no round takes would end it after ten
const codeOf = (appended: Promise<unknown>): Promise<unknown> =>
  appended.then(
    () => 'appended',
    ({ code }: { code: string }) => code,
  );

/** An appender whose rounds end when their connections are cut, each with this result. */
const appenderCutOff = (kind: 'not-appended' | 'leader-moved' | 'unknown') => {
  const sent: number[] = [];
  let cut = silent;
  const appender = createAppenderOn({
    logger,
    partitionCounts: new Map([['orders', 1]]),
    openSender: () => ({
      connect: async () => {},
      send: (batches) => {
        sent.push(batches.length);
        return new Promise((resolve) => {
          cut = () => resolve(batches.map((): AppendResult => ({ kind, cause: new Error('cut') })));
        });
      },
      destroy: () => cut(),
    }),
  });
  return { appender, sent };
};

describe.concurrent('stop', () => {
  it.each([
    ['not-appended', 'LOG_UNAVAILABLE'],
    ['leader-moved', 'APPEND_OUTCOME_UNKNOWN'],
    ['unknown', 'APPEND_OUTCOME_UNKNOWN'],
  ] as const)('is over when it cuts off a round, which ends %s: its callers hear %s', async (kind, code) => {
    const { appender, sent } = appenderCutOff(kind);
    const underWay = codeOf(appender.append(RECORD));
    await eventually(() => sent.length === 1, { what: 'the first round' });
    const waiting = codeOf(appender.append(RECORD));
    expect(await within(STOP_LIMIT_MS, appender.stop()), 'whether it is over').toBe(true);
    expect(await underWay).toBe(code);
    expect(await waiting).toBe('LOG_UNAVAILABLE');
    expect(await codeOf(appender.append(RECORD))).toBe('LOG_UNAVAILABLE');
  });
});
