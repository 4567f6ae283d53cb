// What the lane says about itself when the log takes nothing: readiness rests on it.

import { beforeEach, describe, expect, it } from 'vitest';
import { createAppenderOn } from '../../../../../shared/log/append/appender.ts';
import type { AppendResult } from '../../../../../shared/log/append/sender.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };
const REFUSED: AppendResult = { kind: 'not-appended', cause: new Error('NOT_ENOUGH_REPLICAS') };
const RECORD = { topic: 'orders', key: 'a', value: '{}', headers: {} };

/** A lane whose log takes records when `takes` says so; by partition. */
const laneOn = (takes: (partition: number) => boolean) =>
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
    const lane = laneOn(() => true);
    expect(lane.stalledMs()).toBe(0);
    await lane.append(RECORD);
    await lane.flushed();
    expect(lane.stalledMs()).toBe(0);
    await lane.stop();
  });

  it('grows while nothing is taken, and ends when the log takes records again', async () => {
    let takes = false;
    const lane = laneOn(() => takes);
    const appended = lane.append(RECORD);
    await pass(400);
    expect(lane.stalledMs()).toBe(400);
    takes = true;
    await appended;
    await lane.flushed();
    expect(lane.stalledMs()).toBe(0);
    await lane.stop();
  });

  it('does not take one partition without a leader for a log that stands still', async () => {
    let takesAll = false;
    const lane = laneOn((partition) => takesAll || partition === 0);
    const stuck = lane.append({ ...RECORD, partition: 1 });
    await pass(400);
    expect(lane.stalledMs()).toBe(400);
    await lane.append({ ...RECORD, partition: 0 });
    expect(lane.stalledMs()).toBe(0);
    takesAll = true;
    await stuck;
    await lane.stop();
  });
});
