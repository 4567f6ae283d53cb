// Goal: what was acknowledged survives the death of the broker, and what was not is not claimed. Method: a broker of its own is
// killed with SIGKILL under a mixed load and comes back with its log; the oracle compares all records.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { eventually } from '../../support/eventually.ts';
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
  load = await startLoad(fleet, { seed: 2, perSecond: 100 });
});
afterAll(async () => {
  await fleet?.stop();
  await environment?.stop();
});

describe('SIGKILL of the broker under load', () => {
  it('keeps its promises', async () => {
    await load.moves(100);
    await endAndAwait(environment.broker);
    await load.moves(100);
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBeGreaterThanOrEqual(200);
    expect(ledger.accepted).toBe(ledger.completed + ledger.cancelled + ledger.rejected);
  });

  it('left every role running: they waited for it', async () => {
    await eventually(() => fleet.untilReady().then(() => true), { what: 'every role to be ready' });
    for (const member of fleet.members()) expect(member.starts(), `${member.name} said\n${member.output()}`).toBe(1);
  });
});
