// tests/simulation/single-role/appends/queue.ts: appends that nobody takes, as while the broker is away.
// Those that wait stay within their limits, and rounds take them in their order.

import { createAppendQueue } from '../../../../shared/log/append/append-queue.ts';
import { simulate } from '../../kernel/simulation.ts';
import type { RunWorld } from '../../world.ts';

// What docs and alarms count on: half a second at full speed, and a share of the memory of a process.
const RECORDS_MAX = 20_000;
const BYTES_MAX = 64_000_000;
const TRIES = 40_000;

export const queue: RunWorld = async (seed, onTrace) => {
  const { random: next, trace } = simulate(seed, { calmFrom: 0, onTrace });
  const appends = createAppendQueue();
  const bytesMax = next() < 0.5 ? 400 : 40_000;
  let [records, bytes] = [0, 0];
  for (let n = 0; n < TRIES; n += 1) {
    const size = 1 + Math.floor(next() * bytesMax);
    if (!appends.hasRoomFor(size, 0)) break;
    const record = { topic: 'orders', key: String(n), value: '', headers: {} };
    appends.push({ record, partition: n % 3, bytes: size, since: 0, doubtful: false, resolve: () => {}, reject: () => {} });
    [records, bytes] = [records + 1, bytes + size];
  }
  trace(() => `${records} appends of ${bytes} bytes wait`);
  const isFull = records > RECORDS_MAX / 2 || bytes > BYTES_MAX / 2;
  const isBounded = records <= RECORDS_MAX && bytes <= BYTES_MAX;
  const found = isFull && isBounded ? [] : [`${records} appends of ${bytes} bytes wait`];
  const last = new Map<number, number>();
  for (let taken = 0; taken < records && found.length === 0; ) {
    const round = [...appends.take()];
    for (const [{ partition, records: sent }] of round) {
      for (const { key } of sent) {
        if (Number(key) <= (last.get(partition) ?? -1)) found.push(`the append ${key} is sent after ${last.get(partition)}`);
        last.set(partition, Number(key));
      }
      taken += sent.length;
    }
    trace(() => `a round takes ${round.length} batches, ${taken} appends are taken`);
    if (round.length === 0) found.push(`${records - taken} appends are lost`);
  }
  return found;
};
