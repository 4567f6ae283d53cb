// Goal: SIGTERM ends every role within five seconds, in order, whatever it is busy with and whatever has gone away, and loses nothing.
// Method: one of each role is told to end while clients hold connections and watch the feed; then under load after the broker, then the
// database, has fallen silent without closing a connection, which leaves appends and transactions in doubt. The oracle judges.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../oracle/oracle.ts';
import { openFeed } from '../support/api-feed-client.ts';
import { eventually } from '../support/eventually.ts';
import type { Member } from '../support/fleet.ts';
import { type Load, startLoad } from '../support/load.ts';
import { type ProxiedFleet, ROLES, startProxiedFleet } from '../support/network/proxied-fleet.ts';

const STOP_MAX_MS = 5_000;
const REST_LIMIT_MS = 60_000;

let world: ProxiedFleet;
let load: Load;
beforeAll(async () => {
  world = await startProxiedFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200', LOG_LEVEL: 'info' } });
  load = await startLoad(world.fleet, { seed: 6, perSecond: 60 });
});
afterAll(() => world.stop());

/** SIGTERM to all; how each ended and after how long. They are started again, and wait for what is away. */
const stopAll = (): Promise<{ name: string; end: string | undefined; inTime: boolean }[]> => {
  const stopped = world.fleet.members().map(async (member) => {
    const [starts, at] = [member.starts(), performance.now()];
    member.signal('SIGTERM');
    await eventually(() => member.starts() > starts, { what: `${member.name} to end` });
    return { name: member.name, end: ends(member).at(-1), inTime: performance.now() - at < STOP_MAX_MS };
  });
  return Promise.all(stopped);
};
const ends = ({ output }: Member): string[] => [...output().matchAll(/ended \((.*?)\)/g)].map(([, how]) => how!);
const cleanly = () => world.fleet.members().map(({ name }) => ({ name, end: 'exit code 0', inTime: true }));

describe('SIGTERM ends every role within five seconds', () => {
  it('under load, with a client of the feed', async () => {
    const feed = await openFeed(world.fleet.urls()[0]!);
    await load.moves(50);
    expect(await stopAll()).toEqual(cleanly());
    expect(feed.frames.at(-1)).toMatchObject({ type: 'shutdown' });
    expect((await feed.closed).code).toBe(1001);
    await world.fleet.untilReady();
  });

  it.each(['kafka', 'postgres'] as const)('after %s has fallen silent', async (dependency) => {
    await load.moves(50);
    for (const role of ROLES) expect(world[dependency][role].vanish(), role).toBeGreaterThan(0);
    await eventually(() => load.inFlight() > 10, { what: 'requests that wait for it' });
    expect(await stopAll()).toEqual(cleanly());
    world.heal();
    await world.fleet.untilReady();
  });

  it('and nothing is lost, doubled or misanswered', async () => {
    await load.moves(50);
    await load.stop();
    const ledger = await judge(world.fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
  });
});
