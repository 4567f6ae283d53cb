// Goal: no acknowledged order is lost or doubled when any role is killed under load, and another instance takes over at once.
// Method: two of each role under a mixed load; each role in turn is killed with SIGKILL and started again; the oracle compares what
// the clients were told, the log, and PostgreSQL.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { patience } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import { endAndAwait } from '../../support/stack/service/kept-process.ts';

const REST_LIMIT_MS = patience(60_000);

let fleet: Fleet;
let load: Load;
beforeAll(async () => {
  fleet = await startFleet({ ...inject('stack'), count: { api: 2, processor: 2, projector: 2 }, env: { PROCESSING_TIME_MS: '100' } });
  load = await startLoad(fleet, { seed: 1, perSecond: 100 });
});
afterAll(() => fleet?.stop());

describe('SIGKILL of each role in turn under load', () => {
  it.each(['processor', 'projector', 'api'] as const)('accepts and completes orders while a %s is killed and comes back', async (role) => {
    const victim = fleet.members(role)[0]!;
    await load.moves(50);
    await Promise.all([endAndAwait(victim.kept), load.moves(50)]);
    await load.moves(50);
    expect(victim.starts()).toBe(2);
  });

  it('has the partitions of a killed processor taken over by the other', async () => {
    await fleet.remove(fleet.members('processor')[0]!, 'SIGKILL');
    await load.moves(50);
  });

  it('has lost, doubled and misanswered nothing', async () => {
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBeGreaterThan(450);
    expect(ledger.accepted).toBe(ledger.completed + ledger.cancelled + ledger.rejected);
  });
});
