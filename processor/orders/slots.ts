// processor/orders/slots.ts: limits how many orders are in processing at once.
// An order takes a slot before OrderProcessing is appended and gives it back when its terminal fact was read; first come, first served.

import { type Entry, report } from './entry.ts';
import type { Partition } from './partition.ts';

export interface Slots {
  /** Takes a slot for the order and reacts again, now or when one is free. */
  request: (partition: Partition, entry: Entry) => void;
  /** Takes a slot even if none is free: the order is in processing already (taken over, or started by hand). */
  take: (entry: Entry) => void;
  release: (entry: Entry) => void;
}

export const createSlots = (limit: number, react: (partition: Partition, entry: Entry) => void): Slots => {
  // Bounded by the open orders, of which every one may wait here once.
  const waiting = new Map<Entry, Partition>();
  let used = 0;

  const take = (entry: Entry): void => {
    if (entry.hasSlot) return;
    report(entry, { what: 'slot-taken' });
    used += 1;
  };
  const request = (partition: Partition, entry: Entry): void => {
    if (used >= limit) {
      waiting.set(entry, partition);
      return;
    }
    take(entry);
    react(partition, entry);
  };
  const startWaiting = (): void => {
    for (const [entry, partition] of waiting) {
      if (used >= limit) return;
      waiting.delete(entry);
      if (partition.live) react(partition, entry);
    }
  };
  const release = (entry: Entry): void => {
    waiting.delete(entry);
    if (!entry.hasSlot) return;
    report(entry, { what: 'slot-released' });
    used -= 1;
    startWaiting();
  };
  return { request, take, release };
};
