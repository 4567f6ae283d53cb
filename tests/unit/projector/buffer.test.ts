// What is fetched and not committed yet.
// Nothing is lost, nothing is doubled, and there is never too much of it.

import { describe, expect, it } from 'vitest';
import { createBuffer } from '../../../projector/buffer.ts';
import { recordsOf } from '../../support/builders/log-records.ts';
import { created } from '../../support/builders/order-events.ts';

const NO_LIMITS = { maxRecords: 1_000, maxBytes: 1_000_000 };
const some = (count: number, partition: number, from = 0) =>
  recordsOf(
    Array.from({ length: count }, (_, i) => created(`o-${i}`)),
    partition,
    from,
  );
const places = (records: { partition: number; offset: number }[]) => records.map(({ partition, offset }) => `${partition}@${offset}`);

describe('the buffer', () => {
  it('shows its front again until it is removed', () => {
    const buffer = createBuffer(NO_LIMITS);
    buffer.open(0, 5);
    buffer.add(0, some(3, 0, 5));
    expect(places(buffer.front(2))).toEqual(['0@5', '0@6']);
    expect(places(buffer.front(2))).toEqual(['0@5', '0@6']);
    buffer.removeUpTo(0, 7);
    expect(buffer.position(0)).toBe(7);
    expect(places(buffer.front(2))).toEqual(['0@7']);
    buffer.removeUpTo(0, 8);
    expect(buffer.front(2)).toEqual([]);
    expect(buffer.size()).toBe(0);
  });

  it('lets no partition wait for ever behind another', () => {
    const buffer = createBuffer(NO_LIMITS);
    for (const partition of [0, 1, 2]) buffer.open(partition, 0);
    for (const partition of [0, 1, 2]) buffer.add(partition, some(50, partition));
    const served = new Set([1, 2, 3].flatMap(() => buffer.front(10).map(({ partition }) => partition)));
    expect(served).toEqual(new Set([0, 1, 2]));
  });

  it.each([
    ['records', { maxRecords: 4, maxBytes: 1_000_000 }],
    ['bytes', { maxRecords: 1_000, maxBytes: 3_000 }],
  ])('says when it has too many %s, and when it has room again', async (_, limits) => {
    const buffer = createBuffer(limits);
    buffer.open(0, 0);
    expect(buffer.add(0, some(1, 0))).toBeUndefined();
    let resumed = false;
    const room = (buffer.add(0, some(9, 0, 1)) as Promise<void>).then(() => {
      resumed = true;
    });
    buffer.removeUpTo(0, 1);
    await Promise.resolve();
    expect(resumed).toBe(false);
    buffer.removeUpTo(0, 10);
    await room;
  });

  it('makes room when a partition is taken away, and takes nothing for it afterwards', async () => {
    const buffer = createBuffer({ maxRecords: 1, maxBytes: 1_000_000 });
    buffer.open(0, 0);
    const room = buffer.add(0, some(3, 0));
    buffer.close(0);
    await room;
    expect(buffer.add(0, some(3, 0, 3))).toBeUndefined();
    expect(buffer.size()).toBe(0);
    expect(buffer.position(0)).toBeUndefined();
  });

  it('knows one life of a partition from the next', () => {
    const buffer = createBuffer(NO_LIMITS);
    buffer.open(0, 0);
    const first = buffer.epoch(0);
    buffer.open(0, 0);
    expect(buffer.epoch(0)).not.toBe(first);
    buffer.close(0);
    expect(buffer.epoch(0)).toBeUndefined();
  });

  it('knows the oldest record that waits', () => {
    const buffer = createBuffer(NO_LIMITS);
    expect(buffer.oldest()).toBeNull();
    buffer.open(0, 0);
    buffer.open(1, 0);
    const [late] = some(1, 0);
    const [early] = some(1, 1);
    buffer.add(0, [{ ...late!, timestamp: 2_000 }]);
    buffer.add(1, [{ ...early!, timestamp: 1_000 }]);
    expect(buffer.oldest()).toBe(1_000);
  });
});
