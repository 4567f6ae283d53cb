// Goal: whatever happens between a role and PostgreSQL, rows, counters, stock and checkpoint agree with the log in the end, and no order
// waits for more than the outage. Method: proxies reset all connections of every role again and again in the middle of their transactions,
// and refuse new ones, under a mixed load with stocked orders. The oracle compares journal, log and PostgreSQL. (Half-open ones:
// tests/integration/hostile/half-open-database, and the chaos campaign.)

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { type ProxiedFleet, ROLES, startProxiedFleet } from '../../support/faults/network/proxied-fleet.ts';
import { patience } from '../../support/machine.ts';

const REST_LIMIT_MS = patience(30_000);
const CUTS = 8;

let world: ProxiedFleet;
let load: Load;
beforeAll(async () => {
  world = await startProxiedFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200' } });
  load = await startLoad(world.fleet, { seed: 11, perSecond: 60 });
});
afterAll(() => world?.stop());

describe('connections to PostgreSQL', () => {
  it('that are cut again and again', async () => {
    await load.moves(30);
    let cut = 0;
    // After a cut a slow role may not have connected again by the next round.
    for (let round = 0; round < CUTS || cut < CUTS * 2; round++) {
      for (const role of ROLES) cut += world.postgres[role].cut();
      await load.moves(15);
    }
  });

  it('that are refused for a while: orders are accepted meanwhile', async () => {
    for (const role of ROLES) world.postgres[role].refuse();
    await load.moves(30);
    world.heal();
    await load.moves(30);
  });

  it('lose, double and hold up nothing', async () => {
    await load.stop();
    const ledger = await judge(world.fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBe(ledger.completed + ledger.cancelled + ledger.rejected);
  });
});
