// Goal: whatever a broker says went wrong, true or not, an order exists once and every step of it happens once. Method: a proxy changes
// the broker's answers under a mixed load: errors about appends that it has made (a disk that failed afterwards, replicas that did not
// follow), about appends that it was never shown, and about fetches. The oracle compares journal, log and PostgreSQL.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { failAnswers, refuseAppends, untilHit } from '../../support/faults/network/injections.ts';
import { FETCH, PRODUCE } from '../../support/faults/network/kafka-frames.ts';
import { type ProxiedFleet, ROLES, startProxiedFleet } from '../../support/faults/network/proxied-fleet.ts';
import { patience } from '../../support/machine.ts';

const REST_LIMIT_MS = patience(30_000);
const WRITERS = ['api', 'processor'] as const;

let world: ProxiedFleet;
let load: Load;
beforeAll(async () => {
  world = await startProxiedFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200' } });
  load = await startLoad(world.fleet, { seed: 6, perSecond: 100 });
});
afterAll(() => world?.stop());

describe('errors of the broker', () => {
  it.each([
    ['KAFKA_STORAGE_ERROR', 56],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 20],
    ['REQUEST_TIMED_OUT', 7],
    ['UNKNOWN_SERVER_ERROR', -1],
  ])('%s about appends that were made', async (_, errorCode) => {
    const hits = WRITERS.map((role) => failAnswers(world.kafka[role], PRODUCE, { every: 7, errorCode }));
    await load.moves(80);
    await untilHit(hits, 1, 'error at each of those that it was meant for');
    world.heal();
  });

  it.each([
    ['KAFKA_STORAGE_ERROR', 56],
    ['NOT_ENOUGH_REPLICAS', 19],
  ])('%s about appends that were not made', async (_, errorCode) => {
    const hits = WRITERS.map((role) => refuseAppends(world.kafka[role], { every: 7, errorCode }));
    await load.moves(80);
    await untilHit(hits, 1, 'error at each of those that it was meant for');
    world.heal();
  });

  it('KAFKA_STORAGE_ERROR about fetches', async () => {
    const hits = ROLES.map((role) => failAnswers(world.kafka[role], FETCH, { every: 10, errorCode: 56 }));
    await load.moves(100);
    await untilHit(hits, 1, 'error at each of those that it was meant for');
    world.heal();
  });

  it('lose, double and misanswer nothing', async () => {
    await load.moves(50);
    await load.stop();
    const ledger = await judge(world.fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.void, 'copies of appends that had been made').toBeGreaterThan(0);
  });
});
