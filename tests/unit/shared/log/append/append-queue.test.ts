// The queue of the appender.
// How much of what may wait there, and what is told to who comes when it is full.

import { describe, expect, it } from 'vitest';
import { createAppendQueue, type WaitingAppend } from '../../../../../shared/log/append/append-queue.ts';

const waiting = (since: number, bytes = 100): WaitingAppend => ({
  record: { topic: 'orders', key: 'k', value: '{}', headers: {} },
  partition: 0,
  bytes,
  since,
  doubtful: false,
  resolve: () => {},
  reject: () => {},
});

describe('the queue of the appender', () => {
  it('has room for 20,000 records, and again for those that a round has taken', () => {
    const queue = createAppendQueue();
    for (let n = 0; n < 20_000; n += 1) {
      expect(queue.hasRoomFor(100, 0)).toBe(true);
      queue.push(waiting(0));
    }
    expect(queue.hasRoomFor(100, 0)).toBe(false);
    const taken = [...queue.take().values()].flat().length;
    for (let n = 0; n < taken; n += 1) {
      expect(queue.hasRoomFor(100, 0)).toBe(true);
      queue.push(waiting(0));
    }
    expect(queue.hasRoomFor(100, 0)).toBe(false);
  });

  it('has room for 64 MB', () => {
    const queue = createAppendQueue();
    for (let n = 0; n < 80; n += 1) queue.push(waiting(0, 800_000));
    expect(queue.hasRoomFor(1, 0)).toBe(false);
    queue.take();
    expect(queue.hasRoomFor(800_000, 0)).toBe(true);
    expect(queue.hasRoomFor(800_001, 0)).toBe(false);
  });

  it('has no room behind a record that has waited longer than the given age, and any age is fine without one', () => {
    const queue = createAppendQueue({ ageMaxMs: 2_000 });
    expect(queue.hasRoomFor(100, 5_000)).toBe(true);
    queue.push(waiting(5_000));
    queue.push(waiting(6_000));
    expect(queue.hasRoomFor(100, 7_000)).toBe(true);
    expect(queue.hasRoomFor(100, 7_001)).toBe(false);
    queue.rejectUntil(5_000, 'nothing could be sent');
    expect(queue.hasRoomFor(100, 7_001)).toBe(true);

    const patient = createAppendQueue();
    patient.push(waiting(0));
    expect(patient.hasRoomFor(100, 1e9)).toBe(true);
  });
});
