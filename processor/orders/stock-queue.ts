// processor/orders/stock-queue.ts: asks the ledger for stock decisions in the order of the log, many in one transaction.
// A transaction takes what came while the last one ran.

import { stockLines } from '../../shared/order/stock.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { Ledger, StockDecision, StockStep } from '../ledger/ledger.ts';
import { createLedgerOutage, untilLedgerAnswers } from '../ledger/ledger-retries.ts';
import { type Entry, report } from './entry.ts';
import { forgetClosed, type Partition, readMarkOf } from './partition.ts';

export interface StockQueue {
  /** Has the order's stock decided for its version (R4); `onDecided` follows. */
  decide: (partition: Partition, entry: Entry) => void;
  /** Writes what follows from a fact that was read (R3); until then the order is not forgotten. */
  settle: (partition: Partition, entry: Entry, step: StockStep) => void;
}

export interface StockQueueOptions {
  topic: string;
  ledger: Pick<Ledger, 'moveStock'>;
  clock: Clock;
  logger: Logger;
  /** The decision is noted in the entry. An order that waits for a product comes here again when it has waited. */
  onDecided: (partition: Partition, entry: Entry, decision: StockDecision) => void;
  onFatal: (error: Error) => void;
}

interface Queued {
  partition: Partition;
  entry: Entry;
  step: StockStep;
}

// Steps of one transaction: some 10 ms in which no other transaction gets the rows of a hot product.
const BATCH_MAX = 500;
// R14: how long to wait for a product that the ledger does not know, doubled each time: its partition is usually milliseconds behind.
const PRODUCT_WAIT_MIN_MS = 100;
const PRODUCT_WAIT_MAX_MS = 5_000;

export const createStockQueue = ({ topic, ledger, clock, logger, onDecided, onFatal }: StockQueueOptions): StockQueue => {
  // Bounded by the open orders: each has one decision and a few facts here at most.
  let queue: Queued[] = [];
  let draining = false;
  const outage = createLedgerOutage(logger);
  const waits = new WeakMap<Entry, number>();

  const waitForProduct = (partition: Partition, entry: Entry): void => {
    const waitMs = Math.min(PRODUCT_WAIT_MAX_MS, (waits.get(entry) ?? PRODUCT_WAIT_MIN_MS / 2) * 2);
    waits.set(entry, waitMs);
    clock.after(waitMs, () => {
      report(entry, { what: 'product-waited-for' });
      if (partition.live) onDecided(partition, entry, 'wait');
    });
  };

  const done = ({ partition, entry, step }: Queued, decision: StockDecision): void => {
    if (!partition.live) return;
    if (step.do !== 'decide') {
      report(entry, { what: 'settled' });
      if (entry.unsettled === 0) forgetClosed(partition);
      return;
    }
    report(entry, { what: 'stock-decided', version: step.version, decision });
    if (entry.stock === 'waiting') waitForProduct(partition, entry);
    onDecided(partition, entry, decision);
    if (decision === 'out-of-stock') report(entry, { what: 'shortage-used' });
  };

  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.slice(0, BATCH_MAX);
      queue = queue.slice(BATCH_MAX);
      const live = (): Queued[] => batch.filter(({ partition }) => partition.live);
      const call = async (): Promise<void> => {
        const current = live();
        const steps = current.map(({ step }) => step);
        const marks = new Map(current.map(({ partition }) => [partition.partition, readMarkOf(partition)]));
        const decisions = await ledger.moveStock(topic, steps, marks);
        for (const [index, queued] of current.entries()) done(queued, decisions[index]!);
      };
      await untilLedgerAnswers({ call, isLive: () => live().length > 0, clock, logger, outage });
    }
    draining = false;
  };
  const push = (queued: Queued): void => {
    queue.push(queued);
    if (draining) return;
    draining = true;
    // Not before the caller's batch is through, so that all of it shares the transaction.
    queueMicrotask(() => void drain().catch(onFatal));
  };

  return {
    decide: (partition, entry) => {
      report(entry, { what: 'stock-asked' });
      const { orderId, version, items } = entry.order;
      push({ partition, entry, step: { partition: partition.partition, orderId, version, do: 'decide', lines: stockLines(items) } });
    },
    settle: (partition, entry, step) => {
      report(entry, { what: 'settling' });
      push({ partition, entry, step });
    },
  };
};
