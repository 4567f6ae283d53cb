// Goal: clocks decide nothing (R10).
// When those of the roles jump by hours, apart and back, no order is lost, held up or takes a negative time. Method: every role runs with a
// time of day of its own, which a file says; all are set to something else under a mixed load, twice, each time for longer than a group's
// session lasts, which is what a wait by the wrong clock would show in. The oracle compares the records.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { readTopic } from '../../oracle/raw-log.ts';
import { type Clocks, startClocks } from '../../support/faults/clocks.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { patience } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';

const HOURS = 3_600_000;
const PER_SECOND = 60;
const LONGER_THAN_A_SESSION = 5 * PER_SECOND; // accepted orders, about 60 % of what is sent: 8 s, and a session is 6 s
const REST_LIMIT_MS = patience(30_000);

let clocks: Clocks;
let fleet: Fleet;
let load: Load;
beforeAll(async () => {
  clocks = await startClocks();
  fleet = await startFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200', ...clocks.env } });
  clocks.of(fleet);
  load = await startLoad(fleet, { seed: 7, perSecond: PER_SECOND });
});
afterAll(async () => {
  await fleet?.stop();
  await clocks?.stop();
});

describe('clocks that jump', () => {
  it('forward in the api, back in the processor', async () => {
    await load.moves(50);
    await clocks.set({ api: 5 * HOURS, processor: -5 * HOURS, projector: 5 * HOURS });
    await load.moves(LONGER_THAN_A_SESSION);
  });

  it('and the other way round', async () => {
    await clocks.set({ api: -5 * HOURS, processor: 5 * HOURS, projector: -5 * HOURS });
    await load.moves(LONGER_THAN_A_SESSION);
    await clocks.set({ api: 0, processor: 0, projector: 0 });
    await load.moves(50);
  });

  it('end no process', () => {
    for (const member of fleet.members()) expect(member.starts(), member.name).toBe(1);
  });

  it('lose nothing, hold nothing up, and make no duration negative', async () => {
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);

    const records = await readTopic(fleet.where.kafka, fleet.where.ordersTopic);
    const offBy = (type: string): number[] =>
      records
        .filter(({ headers }) => headers.ce_type === type)
        .map(({ headers }) => Math.round((Date.parse(headers.ce_time!) - Date.now()) / HOURS));
    for (const type of ['orders.OrderCreated.v1', 'orders.OrderProcessing.v1']) {
      expect(new Set(offBy(type)), `hours that ${type} says it is off by`).toEqual(new Set([-5, 0, 5]));
    }
    const shown = (await (await fetch(`${fleet.urls()[0]}/orders?limit=100`)).json()) as { orders: Record<string, number | null>[] };
    expect(shown.orders.length).toBe(100);
    for (const order of shown.orders) {
      for (const field of ['pending_duration', 'processing_duration', 'total_duration']) {
        expect(order[field] ?? 0, `${field} of ${order.order_id}`).toBeGreaterThanOrEqual(0);
      }
    }
  });
});
