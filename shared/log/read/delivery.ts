// shared/log/read/delivery.ts: fetches the partitions that a reader has and hands their records over, in order and without gaps.
// Never passes over a gap: whatever is not the next record ends the reader.

import type { LogClient } from '../connect/client.ts';
import type { ReaderHandlers } from '../log.ts';
import type { Fetched } from '../protocol/fetch.ts';
import { type AssignedPartition, expectContiguous, fetchWaitMs, wantedOf } from './assigned-partition.ts';
import { createFetchLoop } from './fetch-loop.ts';

const MAX_BYTES = 2_000_000; // some 2,600 records, 10 ms of decoding; 10 MB were no faster and left 200 MB more behind in the allocator
const MAX_BYTES_PER_PARTITION = 1_000_000;

export interface DeliveryOptions {
  client: LogClient;
  topic: string;
  /** Changed by this, where it delivers, and by assignments.ts. */
  assigned: Map<number, AssignedPartition>;
  handlers: Pick<ReaderHandlers, 'onRecords'>;
  minFetchGapMs: number;
  /** While it says yes, nothing is fetched and what a fetch under way brings is dropped. */
  isHeld: () => boolean;
  /** After every fetch that succeeded, empty ones included. */
  onFetched: () => void;
  /** Runs a step of the reader, whose errors end it. */
  guarded: (step: () => void) => void;
  fatal: (error: unknown) => void;
}

export interface Delivery {
  start(): void;
  stop(): void;
  /** There may be something else to fetch. */
  wake(): void;
  seek(partition: number, offset: number): void;
}

export const createDelivery = (options: DeliveryOptions): Delivery => {
  const { client, topic, assigned, handlers, minFetchGapMs, isHeld, onFetched, guarded, fatal } = options;

  const loop = createFetchLoop({
    client,
    topic,
    limits: () => ({ maxWaitMs: fetchWaitMs(assigned.values()), maxBytes: MAX_BYTES, maxBytesPerPartition: MAX_BYTES_PER_PARTITION }),
    minGapMs: minFetchGapMs,
    demand: () => (isHeld() ? new Map() : wantedOf(assigned.values())),
    deliver: (fetched) => guarded(() => deliver(fetched)),
    onFetched,
    onFatal: fatal,
  });

  const deliver = (fetched: Fetched): void => {
    const state = assigned.get(fetched.partition);
    // Revoked, or sought elsewhere, while the fetch was under way.
    if (!state || isHeld() || state.outSince !== null || state.position !== fetched.fromOffset) return;
    expectContiguous(topic, state, fetched);
    state.highWatermark = fetched.highWatermark;
    const { records } = fetched;
    if (records.length === 0) return;
    state.position = fetched.nextOffset;
    const handled = handlers.onRecords(state.partition, records, state.highWatermark);
    if (!handled) return;
    state.outSince = performance.now();
    handled.then(() => {
      state.outSince = null;
      loop.wake();
    }, fatal);
  };

  return {
    start: loop.start,
    stop: loop.stop,
    wake: loop.wake,
    seek: (partition, offset) => {
      const state = assigned.get(partition);
      if (!state || state.position === null) return;
      state.position = offset;
      loop.wake();
    },
  };
};
