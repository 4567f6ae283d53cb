// tests/oracle/checks/check-seen.ts: what readers saw.
// A read shows what was acknowledged before it, and the feed shows every version of an order once and in order.

import type { Findings } from '../findings.ts';
import type { FrameEntry, ReadEntry } from '../journal.ts';

export const checkReads = (entries: readonly ReadEntry[], { find }: Findings): void => {
  for (const { orderId, version, seen } of entries) {
    if (seen === null || seen < version)
      find('stale', `order ${orderId} was ${seen === null ? 'not found' : `at ${seen}`} after version ${version}`);
  }
};

/** A reset may skip versions, and starts with a snapshot that may be older than what was seen; a frame may do neither. */
export const checkFrames = (entries: readonly FrameEntry[], { find }: Findings): void => {
  const subscriptions = Map.groupBy(entries, ({ subscription }) => subscription);
  for (const [subscription, frames] of subscriptions) {
    const seen = new Map<string, number>();
    let whole = true; // from its beginning, without a reset: then an order is first seen at version 1
    for (const { type, orders } of frames) {
      if (type === 'reset') {
        seen.clear();
        whole = false;
      }
      for (const { orderId, version } of orders) {
        const before = seen.get(orderId) ?? (whole ? 0 : version - 1);
        if (type === 'order' && version !== before + 1) {
          find('reordered', `${subscription}: version ${version} of order ${orderId} came after ${before}`);
        }
        seen.set(orderId, version);
      }
    }
  }
};
