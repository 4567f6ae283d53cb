// Goal: orders that stay open for long neither hold up a take-over nor get lost in one (R12).
// Successors start behind them and go on with them. Method: an endpoint refuses some orders of a mixed load, which are parked; the
// processors carry them in the ledger after half a second, and are killed in turn. Redriven at last, all of them complete. The oracle
// compares journal, log and PostgreSQL.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { foldOrders } from '../../oracle/fold.ts';
import { judge } from '../../oracle/oracle.ts';
import { readTopic } from '../../oracle/raw-log.ts';
import { eventually } from '../../support/eventually.ts';
import { type FulfilmentEndpoint, startFulfilmentEndpoint } from '../../support/faults/fulfilment-endpoint.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { patience } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import { endAndAwait } from '../../support/stack/service/kept-process.ts';
import { ordersCli } from '../../support/stack/service/orders-cli.ts';

const CARRY_AFTER_MS = 500;
const REFUSED_ONE_IN = 10;
const PARKED = 10; // orders, before the first processor is killed
const REST_LIMIT_MS = patience(60_000);

let endpoint: FulfilmentEndpoint;
let fleet: Fleet;
let load: Load;
let ledger: Database;
beforeAll(async () => {
  endpoint = await startFulfilmentEndpoint();
  endpoint.behave((id) => (isRefused(id) ? 422 : 200));
  const env = { FULFILMENT: 'http', FULFILMENT_URL: endpoint.url, CARRY_AFTER_MS: String(CARRY_AFTER_MS) };
  fleet = await startFleet({ ...inject('stack'), count: { api: 1, processor: 2, projector: 1 }, env });
  ledger = openDatabase({ url: fleet.where.database, schema: fleet.where.ledgerSchema, applicationName: 'tests' });
  load = await startLoad(fleet, { seed: 12, perSecond: 60 });
});
afterAll(async () => {
  await ledger?.end();
  await fleet?.stop();
  endpoint?.stop();
});

const isRefused = (orderId: string): boolean => [...orderId].reduce((sum, char) => sum + char.charCodeAt(0), 0) % REFUSED_ONE_IN === 0;

/** Orders that are open although a successor would start behind their creation. */
const passed = async (): Promise<string[]> => {
  const { rows } = await ledger.query<{ order_id: string }>(
    'SELECT order_id FROM carried_orders NATURAL JOIN partitions WHERE created_offset < start_offset',
  );
  return rows.map(({ order_id: id }) => id);
};
const untilPassed = (count: number): Promise<string[]> =>
  eventually(
    async () => {
      const ids = await passed();
      return ids.length >= count ? ids : undefined;
    },
    { what: `${count} carried orders behind the start`, timeoutMs: REST_LIMIT_MS },
  );

describe('orders that stay open for long while their processors are killed', () => {
  it('are passed by the start offsets, through every take-over', { timeout: 3 * REST_LIMIT_MS }, async () => {
    let carried = await untilPassed(PARKED);
    for (const victim of fleet.members('processor')) {
      await Promise.all([endAndAwait(victim.kept), load.moves(50)]);
      await victim.untilReady();
      carried = await untilPassed(carried.length + 1); // what the successor parked itself
    }
    await load.stop();
    const before = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(before.violations).toEqual([]);
    expect(before.open).toBeGreaterThanOrEqual(PARKED);
  });

  it('complete when they are redriven, each fulfilled once', async () => {
    endpoint.behave(() => 200);
    const { ordersTopic, productsTopic, readModelSchema, ledgerSchema } = fleet.where;
    const names = {
      ORDERS_TOPIC: ordersTopic,
      PRODUCTS_TOPIC: productsTopic,
      READ_MODEL_SCHEMA: readModelSchema,
      LEDGER_SCHEMA: ledgerSchema,
    };
    const { redriven, not_redriven: left } = JSON.parse((await ordersCli(['redrive', '--all', '--json'], names)).stdout);
    expect(redriven).toBeGreaterThanOrEqual(PARKED);
    expect(left).toEqual([]);
    const after = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    // No client of the journal asked for these.
    const [byOperator, others] = [true, false].map((is) =>
      after.violations.filter((each) => each.includes('OrderRedriveRequested') === is),
    );
    expect(others).toEqual([]);
    expect(byOperator).toHaveLength(redriven);
    expect(after.open).toBe(0);
    const { verdicts } = foldOrders(await readTopic(fleet.where.kafka, ordersTopic));
    const completed = verdicts.flatMap(
      ({ event, effect }) =>
        effect === 'applied' && event?.name === 'OrderCompleted' && event.causationId === null ? [event.orderId] : [], // not by hand
    );
    expect(completed.filter(isRefused).length).toBeGreaterThanOrEqual(PARKED);
    expect(completed.filter((id) => endpoint.done(id) !== 1)).toEqual([]);
  });
});
