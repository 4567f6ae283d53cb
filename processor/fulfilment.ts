// processor/fulfilment.ts: the port through which an order is fulfilled, and the timed one, which waits.

import type { Order } from '../shared/order/order.ts';
import type { Clock } from '../shared/runtime/clock.ts';

/**
 * Resolves when the order is fulfilled. May be called again for the same order after a crash or a take-over, so it must be
 * idempotent by order_id. It is called once the log says `processing`.
 */
export type Fulfil = (order: Order) => Promise<void>;

/**
 * Fulfilment that takes `processingTimeMs` from the moment the order entered processing, by this machine's clock. Another
 * writer's clock may be off: the wait is never longer than the whole time (R10).
 */
export const timedFulfilment = (processingTimeMs: number, clock: Clock): Fulfil => {
  const done = Promise.resolve();
  if (processingTimeMs === 0) return () => done;
  return (order) => {
    const elapsed = clock.now() - (order.processingStartedAt ?? clock.now());
    const wait = Math.min(processingTimeMs, Math.max(0, processingTimeMs - elapsed));
    return new Promise((resolve) => clock.after(wait, resolve));
  };
};
