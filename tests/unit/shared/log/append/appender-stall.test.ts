// What the appender says about itself when the log takes nothing: readiness rests on it.

import { beforeEach, describe, expect, it } from 'vitest';
import { createAppenderOn } from '../../../../../shared/log/append/appender.ts';
import type { AppendResult } from '../../../../../shared/log/append/sender.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };
const REFUSED: AppendResult = { kind: 'not-appended', cause: new Error('NOT_ENOUGH_REPLICAS') };
const RECORD = { topic: 'orders', key: 'a', value: '{}', headers: {} };

/** An appender whose log takes records when `takes` says so; by partition. */
const appenderOn = (takes: (partition: number) => boolean) =>
  createAppenderOn({
    logger,
    partitionCounts: new Map([['orders', 2]]),
    openSender: () => ({
      connect: async () => {},
      send: async (batches) =>
        batches.map(({ partition }): AppendResult => (takes(partition) ? { kind: 'appended', baseOffset: 0 } : REFUSED)),
      destroy: silent,
    }),
  });

describe('stalledMs', () => {
  beforeEach(steerTime);

  it('is 0 without anything to append, before and after', async () => {
    const appender = appenderOn(() => true);
    expect(appender.stalledMs()).toBe(0);
    await appender.append(RECORD);
    await appender.flushed();
    expect(appender.stalledMs()).toBe(0);
    await appender.stop();
  });

  it('grows while nothing is taken, and ends when the log takes records again', async () => {
    let takes = false;
    const appender = appenderOn(() => takes);
    const appended = appender.append(RECORD);
    await pass(400);
    expect(appender.stalledMs()).toBe(400);
    takes = true;
    await appended;
    await appender.flushed();
    expect(appender.stalledMs()).toBe(0);
    await appender.stop();
  });

  it('does not take one partition without a leader for a log that stands still', async () => {
    let takesAll = false;
    const appender = appenderOn((partition) => takesAll || partition === 0);
    const stuck = appender.append({ ...RECORD, partition: 1 });
    await pass(400);
    expect(appender.stalledMs()).toBe(400);
    await appender.append({ ...RECORD, partition: 0 });
    expect(appender.stalledMs()).toBe(0);
    takesAll = true;
    await stuck;
    await appender.stop();
  });
});
