// projector/read-model-status.ts: the series that are read from the read model's counters.
// Every projector instance reports the same numbers, so dashboards take the maximum over instances.

import { Gauge, type Registry } from 'prom-client';
import { ORDER_STATUSES } from '../shared/order/lifecycle.ts';
import { fromMinor } from '../shared/order/money.ts';
import type { Queryable } from '../shared/postgres/database.ts';
import { COUNTER_SUMS, type Counters } from '../shared/postgres/tables/counters.ts';
import { inTime } from '../shared/runtime/within.ts';

type Status = Counters & { drift: number | null };

// Several scrapers, and the several gauges of one scrape, share one query.
const CACHE_MS = 2_000;
// One row of a dozen. A scraper waits ten seconds for all series; those of the process itself must not fail with the database.
const STATUS_MAX_MS = 2_000;

const READ_STATUS = `SELECT ${COUNTER_SUMS}, (SELECT drift_orders FROM verification) AS drift FROM counters`;

/** Registers the gauges. While the database does not answer they have no value, rather than an old one. */
export const registerReadModelStatus = (registry: Registry, database: Queryable, currency: string): void => {
  const registers = [registry];
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<Status | null> = Promise.resolve(null);
  const status = (): Promise<Status | null> => {
    const now = performance.now();
    if (now - readAt > CACHE_MS) {
      readAt = now;
      reading = inTime(STATUS_MAX_MS, database.query<Status>(READ_STATUS), () => new Error('no answer')).then(
        ({ rows }) => rows[0] ?? null,
        () => null,
      );
    }
    return reading;
  };

  new Gauge({
    name: 'orders_by_status',
    help: 'Orders per status in the whole read model.',
    labelNames: ['status'],
    registers,
    async collect() {
      const read = await status();
      this.reset();
      if (read !== null) for (const name of ORDER_STATUSES) this.set({ status: name }, read[name]);
    },
  });
  new Gauge({
    name: 'orders_parked',
    help: 'Open orders whose fulfilment keeps failing.',
    registers,
    async collect() {
      const read = await status();
      if (read === null) this.remove();
      else this.set(read.parked);
    },
  });
  new Gauge({
    name: 'orders_revenue_total',
    help: 'Revenue of completed orders, in major units.',
    labelNames: ['currency'],
    registers,
    async collect() {
      const read = await status();
      this.reset();
      if (read !== null) this.set({ currency }, fromMinor(read.revenueMinor));
    },
  });
  new Gauge({
    name: 'read_model_drift_orders',
    help: 'What the last `npm run orders -- verify` found to differ from the log; no value before the first one.',
    registers,
    async collect() {
      const read = await status();
      if (read === null || read.drift === null) this.remove();
      else this.set(read.drift);
    },
  });
};
