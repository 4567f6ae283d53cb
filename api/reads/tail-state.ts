// api/reads/tail-state.ts: what the parts of the tail share: its partitions, the waits on them, and the room in memory (R13).
// It never asks Kafka or PostgreSQL; what a record does to a partition is in tail-memory.ts.

import type { Halts } from '../../shared/log/read/halts.ts';
import { createPositionWaits, type PositionWaits } from './position-waits.ts';
import type { TailPartition } from './tail-memory.ts';

export interface TailState {
  /** By number; empty until the tail is seeded. A reset replaces those that have to start again. */
  partitions: TailPartition[];
  /** Changes below these offsets have been published: a reset does not publish them again. */
  readonly publishedOffsets: number[];
  /** Which ids of a batch to look up was decided by what memory held: it forgets nothing until the batch is folded. */
  readonly lookingUp: Set<TailPartition>;
  readonly halts: Halts;
  /** Waits until the tail has folded a record. */
  readonly read: PositionWaits;
  /** Waits until PostgreSQL contains a record. */
  readonly stored: PositionWaits;
  openOrders: () => number;
  /** True while memory is full and the projector can make room. */
  mustWait: () => boolean;
  /** A promise says that reading has to wait, and resolves once `releaseReading` is called. */
  roomToRead: () => void | Promise<void>;
  releaseReading: () => void;
  /** True while reading waits. */
  isHeld: () => boolean;
}

// Events per order that PostgreSQL has not stored: created, processing, completed and one to spare.
const EVENTS_PER_ORDER = 4;

export const createTailState = (partitionCount: number, tailMax: number, halts: Halts): TailState => {
  const held: (() => void)[] = [];

  const isFull = (): boolean => {
    let orders = 0;
    let events = 0;
    for (const partition of state.partitions) {
      orders += partition.orders.size;
      events += partition.unstored.length;
    }
    return orders > tailMax || events > EVENTS_PER_ORDER * tailMax;
  };

  const state: TailState = {
    partitions: [],
    publishedOffsets: new Array<number>(partitionCount).fill(0),
    lookingUp: new Set(),
    halts,
    read: createPositionWaits(({ partition, offset }) => (state.partitions[partition]?.position ?? 0) > offset),
    stored: createPositionWaits(({ partition, offset }) => (state.partitions[partition]?.checkpoint ?? 0) > offset),
    openOrders: () => state.partitions.reduce((sum, { openCount }) => sum + openCount, 0),
    // Only the projector makes room; once it has caught up with the tail, reading on is the only way to close what is open.
    mustWait: () => isFull() && state.partitions.some(({ checkpoint, position }) => checkpoint < position),
    roomToRead: () => {
      if (state.mustWait()) return new Promise((resolve) => held.push(resolve));
    },
    releaseReading: () => {
      for (const release of held.splice(0)) release();
    },
    isHeld: () => held.length > 0,
  };
  return state;
};
