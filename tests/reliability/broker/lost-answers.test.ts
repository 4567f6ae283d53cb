// Goal: an append whose answer is lost is made good by whoever made it.
// Every order exists once, every step of it happens once. Method: proxies let the broker append and reset the connection instead of passing
// its answer, for the api and the processor, under a mixed load; then the same with answers to fetches, for every role. The oracle compares
// what the clients were told, the log and PostgreSQL.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { hitAnswers, untilHit } from '../../support/faults/network/injections.ts';
import { FETCH, PRODUCE } from '../../support/faults/network/kafka-frames.ts';
import { type ProxiedFleet, ROLES, startProxiedFleet } from '../../support/faults/network/proxied-fleet.ts';
import { patience } from '../../support/machine.ts';

const REST_LIMIT_MS = patience(30_000);

let world: ProxiedFleet;
let load: Load;
beforeAll(async () => {
  world = await startProxiedFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200' } });
  load = await startLoad(world.fleet, { seed: 2, perSecond: 100 });
});
afterAll(() => world?.stop());

describe('connections that are cut between the append and its answer', () => {
  it.each([
    ['the api', 'api'],
    ['the processor', 'processor'],
  ] as const)('of %s', async (_, role) => {
    await load.moves(50);
    const cuts = hitAnswers(world.kafka[role], PRODUCE, { every: 5, verdict: 'cut' });
    await load.moves(200);
    await untilHit([cuts], 5, `appends of ${role} whose answer is cut off`);
    world.heal();
  });

  it('and between a fetch and its answer, of every role at once', async () => {
    const cuts = ROLES.map((role) => hitAnswers(world.kafka[role], FETCH, { every: 10, verdict: 'cut' }));
    await load.moves(200);
    await untilHit(cuts, 3, 'fetches of each role whose answer is cut off');
    world.heal();
  });

  it('lose, double and misanswer nothing', async () => {
    await load.stop();
    const ledger = await judge(world.fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBeGreaterThan(500);
    expect(ledger.void, 'copies of appends that had happened').toBeGreaterThan(0);
  });
});
