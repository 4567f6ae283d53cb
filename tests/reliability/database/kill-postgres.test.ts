// Goal: orders are accepted while PostgreSQL is dead, and read model and stock ledger are exact afterwards. Method: the postmaster of
// a database of its own is killed with SIGKILL twice under a mixed load; the oracle compares all records.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { patience } from '../../support/machine.ts';
import { type OwnEnvironment, startOwnEnvironment } from '../../support/stack/own-environment.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import { endAndAwait } from '../../support/stack/service/kept-process.ts';

const REST_LIMIT_MS = patience(60_000);

let environment: OwnEnvironment;
let fleet: Fleet;
let load: Load;
beforeAll(async () => {
  environment = await startOwnEnvironment();
  fleet = await startFleet({ ...environment, count: { api: 2 }, env: { PROCESSING_TIME_MS: '100' } });
  load = await startLoad(fleet, { seed: 3, perSecond: 100 });
});
afterAll(async () => {
  await fleet?.stop();
  await environment?.stop();
});

describe('SIGKILL of PostgreSQL under load', () => {
  it('keeps its promises through two deaths', async () => {
    for (let death = 0; death < 2; death += 1) {
      await load.moves(50);
      await endAndAwait(environment.postgres);
      await load.moves(50);
    }
    await fleet.untilReady();
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBeGreaterThan(200);
    expect(ledger.accepted).toBe(ledger.completed + ledger.cancelled + ledger.rejected);
  });
});
