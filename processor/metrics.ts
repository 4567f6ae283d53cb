// processor/metrics.ts: the processor's series (design section 6).
// Values that are a view of memory are read at scrape time.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DeadLetterReason } from '../shared/log/codec/envelope.ts';
import type { Reader } from '../shared/log/log.ts';
import { type DecidedName, EVENT_TYPES } from '../shared/order/event-types.ts';
import { isTerminal } from '../shared/order/lifecycle.ts';
import { inTime } from '../shared/runtime/within.ts';
import type { Partition } from './orders/partition.ts';

export interface ProcessorMetrics {
  decided: (name: DecidedName) => void;
  fulfilled: (seconds: number) => void;
  deadLetter: (reason: DeadLetterReason) => void;
}

const FULFILMENT_BUCKETS_S = [0.01, 0.1, 0.5, 1, 2, 2.5, 5, 10, 30, 60];

/** Returns what counts one. */
export const registerLedgerRepairs = (registry: Registry): (() => void) => {
  const repairs = new Counter({
    name: 'ledger_repairs_total',
    help: 'How often this process has made the ledger again from the log because its database had lost commits.',
    registers: [registry],
  });
  return () => repairs.inc();
};

// A scraper waits ten seconds for all series; those of the process itself must not fail with the database.
const OVERSOLD_MAX_MS = 2_000;

/** Read from the ledger at every scrape: a look at an index that is next to always empty. */
const registerOversold = (registry: Registry, oversoldProducts: () => Promise<number>): void => {
  new Gauge({
    name: 'products_oversold',
    help: 'Products of which more is promised and sold than was put in. No value while the database does not answer.',
    registers: [registry],
    async collect() {
      const count = await inTime(OVERSOLD_MAX_MS, oversoldProducts(), () => new Error('no answer')).catch(() => null);
      if (count === null) this.remove();
      else this.set(count);
    },
  });
};

export const createProcessorMetrics = (
  registry: Registry,
  partitions: () => Iterable<Partition>,
  lag: Reader['lag'],
  oversoldProducts: () => Promise<number>,
  now: () => number,
): ProcessorMetrics => {
  const registers = [registry];
  const decided = new Counter({
    name: 'orders_decided_total',
    help: 'Decisions taken, by what was decided. A decision counts when it is appended; arbitration may still void it.',
    labelNames: ['decision'],
    registers,
  });
  const fulfilment = new Histogram({
    name: 'fulfilment_duration_seconds',
    help: 'From the first attempt at fulfilment to the one that succeeded.',
    buckets: FULFILMENT_BUCKETS_S,
    registers,
  });
  const deadLetters = new Counter({
    name: 'dead_letters_total',
    help: 'Records of the topic of products that could not be decoded.',
    labelNames: ['reason'],
    registers,
  });
  new Gauge({
    name: 'orders_in_flight',
    help: 'Open orders in the memory of this processor.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(openByState(partitions()))) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'oldest_open_order_age_seconds',
    help: 'Age of the oldest open order of this processor; 0 without one.',
    registers,
    collect() {
      const oldest = oldestOpen(partitions());
      this.set(oldest === null ? 0 : Math.max(0, (now() - oldest) / 1000));
    },
  });
  new Gauge({
    name: 'processor_lag_events',
    help: 'Records that this processor has not read yet.',
    labelNames: ['partition'],
    registers,
    collect() {
      this.reset();
      for (const [partition, events] of lag()) this.set({ partition: String(partition) }, events);
    },
  });
  registerOversold(registry, oversoldProducts);
  return {
    decided: (name) => decided.inc({ decision: EVENT_TYPES[name].decision }),
    fulfilled: (seconds) => fulfilment.observe(seconds),
    deadLetter: (reason) => deadLetters.inc({ reason }),
  };
};

const openByState = (partitions: Iterable<Partition>): Record<'pending' | 'processing' | 'parked', number> => {
  const count = { pending: 0, processing: 0, parked: 0 };
  for (const { orders } of partitions) {
    for (const { order } of orders.values()) {
      if (order.parked !== null) count.parked += 1;
      else if (order.status === 'pending' || order.status === 'processing') count[order.status] += 1;
    }
  }
  return count;
};

const oldestOpen = (partitions: Iterable<Partition>): number | null => {
  let oldest: number | null = null;
  for (const { orders } of partitions) {
    for (const { order } of orders.values()) {
      if (!isTerminal(order.status) && (oldest === null || order.createdAt < oldest)) oldest = order.createdAt;
    }
  }
  return oldest;
};
