// Goal: an instance is called ready only while it can do its work. Method: the broker, then the database, is taken from under one instance
// of each role by a proxy; every one of them says within seconds that it is not ready and what it misses, and is ready again by itself
// when it is back. That it is not before it has caught up, and when it stands still, is shown on each role's own parts by unit tests.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { HealthReport } from '../../../shared/runtime/health.ts';
import { eventually } from '../../support/eventually.ts';
import { type ProxiedFleet, ROLES, startProxiedFleet } from '../../support/faults/network/proxied-fleet.ts';
import type { Member } from '../../support/stack/service/member.ts';
import type { RoleName } from '../../support/stack/service/role-process.ts';

// An idle connection to the broker is silent for as long before it counts as dead, and a look every second is added.
const NOTICED_WITHIN_MS = 13_000;

let world: ProxiedFleet;
beforeAll(async () => {
  world = await startProxiedFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '100' } });
});
afterAll(() => world?.stop());

const report = async ({ url }: Member): Promise<HealthReport> => (await (await fetch(`${url}/health/ready`)).json()) as HealthReport;
const misses = async (member: Member): Promise<string[]> => {
  const { status, checks } = await report(member);
  const failed = Object.keys(checks).filter((name) => !checks[name]!.ok);
  expect(status === 'ok').toBe(failed.length === 0);
  return failed;
};
const order = () =>
  fetch(`${world.fleet.urls()[0]}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: 1, item_ids: [1], total_amount: 1 }),
  });

describe.each([
  ['the broker', 'kafka', { api: 'log', processor: 'log', projector: 'log' }],
  ['the database', 'postgres', { api: 'read_model', processor: 'ledger', projector: 'database' }],
] as const)('without %s', (_, dependency, missing: Record<RoleName, string>) => {
  it('no role is ready, and all of them say why', async () => {
    expect((await order()).status).toBe(201);
    for (const role of ROLES) expect(world[dependency][role].refuse(), `connections of the ${role}`).toBeGreaterThan(0);
    if (dependency === 'postgres') expect((await order()).status).toBe(201); // something to store
    const notReady = world.fleet.members().map((member) =>
      eventually(async () => (await misses(member)).includes(missing[member.role]), {
        what: `${member.name} to miss ${missing[member.role]}`,
        timeoutMs: NOTICED_WITHIN_MS,
      }),
    );
    await Promise.all(notReady);
  });

  it('and all are ready again when it is back, without a restart', async () => {
    world.heal();
    await world.fleet.untilReady();
    expect((await order()).status).toBe(201);
    for (const member of world.fleet.members()) expect(member.starts(), member.output()).toBe(1);
  });
});
