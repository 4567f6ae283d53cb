// Goal: a slow network makes everything slow and nothing wrong. Method: under a mixed load, every byte between the roles and the broker, then
// between them and PostgreSQL, comes late and through a narrow line. The oracle compares journal, log and PostgreSQL.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { type ProxiedFleet, startProxiedFleet } from '../../support/faults/network/proxied-fleet.ts';
import { patience } from '../../support/machine.ts';

const SLOW = { latencyMs: 40, bytesPerSecond: 250_000 }; // another continent, two megabits
const ROUND_TRIP_MS = 2 * SLOW.latencyMs;
const REST_LIMIT_MS = patience(30_000);

let world: ProxiedFleet;
let load: Load;
beforeAll(async () => {
  world = await startProxiedFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '100' } });
  load = await startLoad(world.fleet, { seed: 10, perSecond: 50 });
});
afterAll(() => world?.stop());

/** How long it takes to say that there is no such order: the broker is asked for the end of its log, and PostgreSQL for a row. */
const missMs = async (): Promise<number> => {
  const started = performance.now();
  expect((await fetch(`${world.fleet.urls()[0]}/orders/nobody`)).status).toBe(404);
  return performance.now() - started;
};

describe('a network with long delays and little bandwidth', () => {
  it('to the broker', async () => {
    await load.moves(30);
    for (const proxy of Object.values(world.kafka)) proxy.slow(SLOW);
    await load.moves(100);
    expect(await missMs(), 'ms for a read that asks the broker').toBeGreaterThan(ROUND_TRIP_MS);
    world.heal();
  });

  it('to PostgreSQL', async () => {
    for (const proxy of Object.values(world.postgres)) proxy.slow(SLOW);
    await load.moves(100);
    expect(await missMs(), 'ms for a read that asks PostgreSQL').toBeGreaterThan(ROUND_TRIP_MS);
    world.heal();
  });

  it('makes nothing wrong and ends no process', async () => {
    await load.stop();
    const ledger = await judge(world.fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBe(ledger.completed + ledger.cancelled + ledger.rejected);
    for (const member of world.fleet.members()) expect(member.starts(), member.name).toBe(1);
  });
});
