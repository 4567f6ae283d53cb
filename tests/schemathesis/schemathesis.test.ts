// Schemathesis against the whole service: requests made from the OpenAPI document, right and wrong, and answers compared with it.
// No 5xx, nothing undocumented, nothing right refused, nothing wrong accepted, whoever asks.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../api/access/operations.ts';
import type { UserRole } from '../../api/access/roles.ts';
import { provideSchemathesis } from './installation.ts';
import { RUN_LIMIT_MS, runSchemathesis, type SchemathesisRun } from './run.ts';
import { startWorld, type World } from './world.ts';

const { program = '', missing } = await provideSchemathesis();
if (missing !== undefined) process.stdout.write(`${missing} The tests with Schemathesis are left out.\n`);

// Before it is asked who calls: 415 for a body in a form that none reads.
const REFUSED = new Set(['401', '415']);

interface Operation {
  operationId: string;
  security: Record<string, unknown>[];
}

describe.skipIf(missing !== undefined)('Schemathesis finds nothing', () => {
  let world: World;
  let operations: Operation[];
  beforeAll(async () => {
    world = await startWorld();
    const document = (await (await fetch(`${world.guarded.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, Operation>>;
    };
    operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  });
  afterAll(() => world?.stop());

  /** Operations that never did what they are for: then the run has looked at refusals only. */
  const neverDone = ({ answers }: SchemathesisRun): string[] =>
    operations
      .map(({ operationId }) => operationId)
      .filter((id) => !Object.keys(answers[id] ?? {}).some((status) => status.startsWith('2')));
  const run = async (url: string, role: UserRole | null): Promise<SchemathesisRun> => {
    const caller = role === null ? null : { role, authorization: world.authorization[role] };
    const result = await runSchemathesis({ program, url, caller });
    expect(result.code, result.output).toBe(0);
    return result;
  };

  it('as an administrator, and every operation does what it is for', { timeout: RUN_LIMIT_MS }, async () => {
    // An ordinary request opens no feed.
    expect(neverDone(await run(world.guarded.url, 'admin'))).toEqual(['watchOrders']);
  });

  it('as a customer, and everything that customers may do is done, and nothing else', { timeout: RUN_LIMIT_MS }, async () => {
    const others = Object.entries(OPERATIONS).flatMap(([id, { least }]) => (least === 'customer' || least === 'anyone' ? [] : [id]));
    // A customer cannot make the user who signs in.
    const expected = [...others, 'signIn', 'watchOrders'].sort();
    expect(neverDone(await run(world.guarded.url, 'customer')).sort()).toEqual(expected);
  });

  it('without credentials, and whatever needs some is 401', { timeout: RUN_LIMIT_MS }, async () => {
    const { answers } = await run(world.guarded.url, null);
    const secured = operations.filter(({ security }) => security.length > 0);
    expect(secured.length).toBeGreaterThan(20);
    const others = secured.flatMap(({ operationId: id }) =>
      Object.keys(answers[id]!).flatMap((status) => (REFUSED.has(status) ? [] : [`${id}: ${status}`])),
    );
    expect(others).toEqual([]);
    for (const { operationId: id } of secured) expect(answers[id]!['401'], id).toBeGreaterThan(0);
  });

  it('with AUTH=off', { timeout: RUN_LIMIT_MS }, async () => {
    expect(neverDone(await run(world.open.url, null))).toEqual(['watchOrders']);
  });
});
