// Goal: SIGTERM ends every role within five seconds, in order, whatever it is busy with and whatever has gone away, and loses nothing.
// Method: one of each role is told to end while clients hold connections and watch the feed; then under load after the broker, then the
// database, has fallen silent without closing a connection, which leaves appends and transactions in doubt. The oracle judges.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { eventually } from '../../support/eventually.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { type ProxiedFleet, ROLES, startProxiedFleet } from '../../support/faults/network/proxied-fleet.ts';
import { patience } from '../../support/machine.ts';
import { openFeed } from '../../support/stack/service/feed-client.ts';
import type { Member } from '../../support/stack/service/member.ts';

const STOP_MAX_MS = patience(5_000);
const REST_LIMIT_MS = patience(60_000);

let world: ProxiedFleet;
let load: Load;
beforeAll(async () => {
  world = await startProxiedFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200', LOG_LEVEL: 'info' } });
  let urls: string[] = [];
  const known = (): string[] => {
    const now = world.fleet.urls();
    if (now.length > 0) urls = now; // while there is no api clients knock where the last one was
    return urls;
  };
  load = await startLoad({ ...world.fleet, urls: known }, { seed: 6, perSecond: 60 });
});
afterAll(() => world?.stop());

/** SIGTERM to all; then others take their places. */
const replaceAll = async (): Promise<void> => {
  const ended = world.fleet.members().map(async (member) => {
    const at = performance.now();
    await world.fleet.remove(member);
    expect(performance.now() - at, member.name).toBeLessThan(STOP_MAX_MS);
    await endedInOrder(member);
  });
  await Promise.all(ended);
  world.heal();
  await Promise.all(ROLES.map((role) => world.add(role)));
};
/** The last line of a role that was not ended by a limit. */
const endedInOrder = ({ name, output }: Member) =>
  eventually(() => output().includes('"msg":"stopped"'), { what: `the last line of ${name}`, timeoutMs: 2_000 });

describe('SIGTERM ends every role within five seconds', () => {
  it('under load, with a client of the feed', async () => {
    const feed = await openFeed(world.fleet.urls()[0]!);
    await load.moves(50);
    await replaceAll();
    expect(feed.frames.at(-1)).toMatchObject({ type: 'shutdown' });
    expect((await feed.closed).code).toBe(1001);
  });

  it.each(['kafka', 'postgres'] as const)('after %s has fallen silent', async (dependency) => {
    await load.moves(50);
    for (const role of ROLES) expect(world[dependency][role].vanish(), role).toBeGreaterThan(0);
    await eventually(() => load.inFlight() > 10, { what: 'requests that wait for it' });
    await replaceAll();
  });

  it('and nothing is lost, doubled or misanswered', async () => {
    await load.moves(50);
    await load.stop();
    const ledger = await judge(world.fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
  });
});
