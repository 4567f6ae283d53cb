// When the next batch may be committed.

import { describe, expect, it } from 'vitest';
import { createPace } from '../../../projector/pace.ts';

const GAP_MS = 40;

/** Commits `perSecond` records for a while, whenever the pace allows; resolves with the commits of the last second. */
const commitsOfLastSecond = (perSecond: number): number => {
  const pace = createPace(GAP_MS);
  let waiting = 0;
  let commits = 0;
  for (let ms = 0; ms < 5_000; ms += 1) {
    waiting += perSecond; // thousandths of a record
    if (waiting < 1_000 || pace.delay(ms) > 0) continue;
    pace.started(ms, Math.floor(waiting / 1_000));
    waiting %= 1_000;
    if (ms >= 4_000) commits += 1;
  }
  return commits;
};

describe('the pace', () => {
  it('lets the first record and one after a pause go at once', () => {
    const pace = createPace(GAP_MS);
    expect(pace.delay(0)).toBe(0);
    for (let ms = 0; ms < 1_000; ms += GAP_MS) pace.started(ms, 500);
    expect(pace.delay(961)).toBeGreaterThan(0); // the last one started at 960
    expect(pace.delay(960 + GAP_MS)).toBe(0);
  });

  it('keeps the full gap under heavy traffic', () => {
    expect(commitsOfLastSecond(12_000)).toBeLessThanOrEqual(1000 / GAP_MS);
  });

  it('hardly delays anything under light traffic', () => {
    expect(commitsOfLastSecond(10)).toBe(10);
    expect(commitsOfLastSecond(100)).toBeGreaterThan(95);
  });

  it('never waits when told so', () => {
    const pace = createPace(0);
    pace.started(0, 10_000);
    expect(pace.delay(0)).toBe(0);
  });
});
