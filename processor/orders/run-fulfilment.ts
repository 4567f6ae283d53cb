// processor/orders/run-fulfilment.ts: has an order fulfilled, and hears only what still concerns the order by then.

import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { Fulfil, Fulfilled } from '../fulfilment/fulfilment.ts';
import { type Entry, report } from './entry.ts';
import type { Partition } from './partition.ts';

export interface FulfilmentRunsOptions {
  fulfil: Fulfil;
  clock: Clock;
  logger: Logger;
  /** There is something to be decided about the order. */
  react: (partition: Partition, entry: Entry) => void;
  onFulfilled: (seconds: number) => void;
  onFatal: (error: Error) => void;
}

/** For an order that the log has in processing. */
export type RunFulfilment = (partition: Partition, entry: Entry) => void;

export const createFulfilmentRuns =
  ({ fulfil, clock, logger, react, onFulfilled, onFatal }: FulfilmentRunsOptions): RunFulfilment =>
  (partition, entry) => {
    report(entry, { what: 'fulfilment-begun' });
    const startedAt = clock.now();
    const { orderId, version } = entry.order;
    // Any fact ends it: cancelled, completed by hand, parked by a previous owner that did not know better.
    const isWanted = (): boolean => partition.live && entry.order.version === version;
    const ended = (fulfilled: Fulfilled): void => {
      if (fulfilled.outcome === 'unwanted' || !isWanted()) return;
      report(entry, { what: 'fulfilled', as: fulfilled });
      if (fulfilled.outcome === 'done') {
        onFulfilled(Math.max(0, clock.now() - startedAt) / 1000); // the clock may have been put back
      } else if (fulfilled.outcome === 'failed') {
        logger.warn({ order_id: orderId, ...fulfilled.failure, attempts: fulfilled.attempts }, 'fulfilment failed; parking the order');
      }
      react(partition, entry);
    };
    fulfil(entry.order, isWanted).then(ended).catch(onFatal);
  };
