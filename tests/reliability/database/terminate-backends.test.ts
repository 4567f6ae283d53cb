// Goal: a transaction that PostgreSQL breaks off has happened once or not at all, in every role. Method: under a mixed load the server
// ends all connections of each role in turn, again and again, until some of them were inside a transaction; the oracle compares
// all records. On a database of its own: others on the shared one would be hit too.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { eventually } from '../../support/eventually.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { terminateBackends } from '../../support/faults/terminate-backends.ts';
import { patience } from '../../support/machine.ts';
import { type OwnEnvironment, startOwnEnvironment } from '../../support/stack/own-environment.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';

const REST_LIMIT_MS = patience(60_000);
const BROKEN_OFF = 2; // transactions of each role, at least

let environment: OwnEnvironment;
let fleet: Fleet;
let load: Load;
beforeAll(async () => {
  environment = await startOwnEnvironment();
  fleet = await startFleet({ ...environment, count: { api: 2, processor: 2, projector: 2 }, env: { PROCESSING_TIME_MS: '100' } });
  load = await startLoad(fleet, { seed: 4, perSecond: 100 });
});
afterAll(async () => {
  await fleet?.stop();
  await environment?.stop();
});

describe('pg_terminate_backend under load', () => {
  it.each(['processor', 'projector'] as const)('breaks off transactions of the %s', async (role) => {
    let brokenOff = 0;
    const enough = async () => {
      brokenOff += (await terminateBackends(environment.database, role)).inTransaction;
      return brokenOff >= BROKEN_OFF;
    };
    await eventually(enough, { what: `${BROKEN_OFF} transactions of the ${role} to be broken off`, timeoutMs: REST_LIMIT_MS });
    await load.moves(50);
  });

  it('ends the connections of the api, which only reads', async () => {
    const ended = async () => (await terminateBackends(environment.database, 'api')).connections > 0;
    await eventually(ended, { what: 'connections of the api to end' });
    await load.moves(50);
  });

  it('has lost, doubled and misanswered nothing', async () => {
    await fleet.untilReady();
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBeGreaterThan(150);
    expect(ledger.accepted).toBe(ledger.completed + ledger.cancelled + ledger.rejected);
  });
});
