// Goal: a new version can be rolled out under load: no request fails, nothing is lost, doubled or misanswered. Method: two of each role;
// each of the six gets SIGTERM in turn and is started again when it has ended, while clients send a mixed load to both apis over connections
// that they keep; a refused connection is tried again elsewhere, anything else that is no answer counts as failed. The oracle judges.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { CommandEntry, SubmissionEntry } from '../../oracle/journal.ts';
import { judge } from '../../oracle/oracle.ts';
import { eventually } from '../../support/eventually.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { patience } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import type { Member } from '../../support/stack/service/member.ts';

const STOP_MAX_MS = patience(5_000); // a role that meets its own limit of 4.5 s ends with another exit code
const REFUSAL_LIMIT_MS = patience(60_000);
const BETWEEN_RESTARTS = 30; // orders
const REST_LIMIT_MS = patience(60_000);

let fleet: Fleet;
let load: Load;
beforeAll(async () => {
  fleet = await startFleet({
    ...inject('stack'),
    count: { api: 2, processor: 2, projector: 2 },
    env: { PROCESSING_TIME_MS: '200', LOG_LEVEL: 'info' },
  });
  // No keys: with one the client would repeat what failed.
  load = await startLoad(fleet, { seed: 5, perSecond: 60, mix: { keyed: 0, unkeyed: 65 } });
});
afterAll(() => fleet?.stop());

const told = () => load.journal.entries.filter((entry): entry is SubmissionEntry | CommandEntry => 'outcome' in entry);
const refused = (): boolean => told().some(({ attempts }) => attempts.length > 1);

/** How long it took to end. */
const restart = async (member: Member): Promise<number> => {
  const [starts, at] = [member.starts(), performance.now()];
  member.signal('SIGTERM');
  await eventually(() => member.starts() > starts, { what: `${member.name} to end` });
  const took = performance.now() - at;
  await member.untilReady();
  return took;
};

describe('a rolling restart of two instances of each role, under load', () => {
  it('ends each within five seconds, in order', async () => {
    for (const member of fleet.members()) {
      await load.moves(BETWEEN_RESTARTS);
      expect(await restart(member), member.name).toBeLessThan(STOP_MAX_MS);
      expect(member.output(), member.name).toContain(`${member.name} ended (exit code 0)`);
    }
    await load.moves(BETWEEN_RESTARTS);
  });

  it('has clients whose connection was refused', async () => {
    // Only who connects again while nobody listens: on a machine whose restarts are short another restart.
    for (const deadline = performance.now() + REFUSAL_LIMIT_MS; !refused() && performance.now() < deadline; ) {
      await restart(fleet.members('api')[0]!);
      await load.moves(BETWEEN_RESTARTS);
    }
    await load.stop();
    expect(refused()).toBe(true);
  });

  it('fails no request', () => {
    const failed = told().filter(({ outcome, status }) => outcome === 'unknown' || status === null || status >= 500);
    expect(failed).toEqual([]);
  });

  it('loses, doubles and misanswers nothing', async () => {
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBeGreaterThan(7 * BETWEEN_RESTARTS);
  });
});
