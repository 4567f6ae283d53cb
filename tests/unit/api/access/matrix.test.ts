// Who may do what.
// Every operation of the OpenAPI document is asked as nobody, as a customer about their own and about another's, as an operator, as an
// admin and as a fulfiller, and must answer as the table of docs/access.md says. A route without a row fails.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../../../api/access/operations.ts';
import { CLIENT_ROLES } from '../../../../api/access/roles.ts';
import { ACCESS_REQUIRED } from '../../../support/in-memory/accounts.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

const CALLERS = ['nobody', 'own', 'other', 'operator', 'admin', 'fulfiller'] as const;
type Caller = (typeof CALLERS)[number];
type Cell = 'yes' | '401' | '403' | '404';

interface Operation {
  operationId: string;
  parameters?: { in: string; name: string }[];
  requestBody?: {
    content: Record<string, { schema?: { examples?: unknown[] }; example?: unknown; examples?: Record<string, { value: unknown }> }>;
  };
  security?: Record<string, unknown>[];
}
interface Route extends Operation {
  method: string;
  path: string;
}

const rows = new Map(
  [
    ...readFileSync(join(import.meta.dirname, '../../../../docs/access.md'), 'utf8').matchAll(/^\| `(\w+)` \|((?: (?:yes|\d+) \|){6})$/gm),
  ].map(([, operationId, cells]) => [
    operationId!,
    cells!
      .split('|')
      .slice(0, CALLERS.length)
      .map((cell) => cell.trim() as Cell),
  ]),
);

const SIGN_IN = { email: 'ada@example.com', password: 'correct horse battery' };

let api: InMemoryApi;
let routes: Route[];
const headers: Record<Caller, Record<string, string>> = { nobody: {}, own: {}, other: {}, operator: {}, admin: {}, fulfiller: {} };
let customer: string;
let ownOrder: string;
let strangersOrder: string;
const STRANGER = 'somebody-else';

beforeAll(async () => {
  api = await startApiInMemory({ access: ACCESS_REQUIRED, decisionWaitMs: 0, openOrdersMax: 100_000, tailMax: 100_000 });
  const document = (await api.get('/openapi.json')).json<{ paths: Record<string, Record<string, Operation>> }>();
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
  const [client, operator, admin, fulfiller] = await Promise.all(CLIENT_ROLES.map(api.accounts.addClient));
  customer = client!.id;
  headers.own = headers.other = { authorization: client!.authorization };
  headers.operator = { authorization: operator!.authorization };
  headers.admin = { authorization: admin!.authorization };
  headers.fulfiller = { authorization: fulfiller!.authorization };
  const order = async (user_id: string) =>
    (await api.post({ user_id, item_ids: [1], total_amount: 1 }, headers.operator)).json<{ order_id: string }>().order_id;
  ownOrder = await order(customer);
  strangersOrder = await order(STRANGER);
  const created = await api.post({ ...SIGN_IN, name: 'Ada' }, headers.admin, '/users');
  expect(created.statusCode).toBe(201);
});
afterAll(() => api.stop());

const bodyOf = ({ requestBody }: Operation, aboutUser: string): { type: string; payload: string } | null => {
  const [type, media] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (type === undefined) return null;
  const example = media!.example ?? Object.values(media!.examples ?? {})[0]?.value ?? media!.schema?.examples?.[0];
  const value = { ...(example as object) } as Record<string, unknown>;
  if ('user_id' in value) value.user_id = aboutUser;
  return { type, payload: `${JSON.stringify(value)}\n` };
};

/** Of an operation, about what the caller may have or may not have. */
const ask = async (route: Route, caller: Caller, prefix = '') => {
  const another = caller === 'other';
  const user = another ? STRANGER : customer;
  const spare = await api.accounts.createUser({
    email: `${crypto.randomUUID()}@example.com`,
    name: 'Spare',
    role: 'customer',
    passwordHash: '',
  });
  const values: Record<string, string> = {
    order_id: another ? strangersOrder : ownOrder,
    user_id: spare === 'email_taken' ? '' : spare.userId,
    product_id: '5',
    request_id: '0199a1f0-8000-7000-8000-3f5d2c8e6a11',
  };
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? 'unknown-path-parameter');
  const filters = another && route.parameters?.some((each) => each.in === 'query' && each.name === 'user_id') ? `?user_id=${STRANGER}` : '';
  const body = bodyOf(route, user);
  return api.app.inject({
    method: route.method as 'GET',
    url: `${prefix}${path}${filters}`,
    headers: { ...headers[caller], ...(body === null ? {} : { 'content-type': body.type }) },
    ...(body === null ? {} : { payload: body.payload }),
  });
};

const cellOf = (answer: Awaited<ReturnType<typeof ask>>): Cell => {
  const { statusCode: status } = answer;
  if (status === 401 || status === 403) return String(status) as Cell;
  if (status === 404 && answer.json().code === 'ORDER_NOT_FOUND') return '404';
  // Let in: what became of it is other tests' business, but it must have come as far as that.
  expect(status === 400 || status === 405 || status === 415 || status >= 500, `${status} ${answer.body}`).toBe(false);
  return 'yes';
};

describe('the table of docs/access.md', () => {
  it('has a row for every operation, and every rule has one', () => {
    expect([...rows.keys()].sort()).toEqual(Object.keys(OPERATIONS).sort());
    for (const { operationId, method, path } of routes) expect(rows.has(operationId), `${method} ${path} (${operationId})`).toBe(true);
    expect(routes.length).toBeGreaterThan(20);
  });

  it.each(CALLERS)('is what the routes do: %s', async (caller) => {
    const expected: string[] = [];
    const found: string[] = [];
    for (const route of routes) {
      expected.push(`${route.operationId}: ${rows.get(route.operationId)![CALLERS.indexOf(caller)]}`);
      found.push(`${route.operationId}: ${cellOf(await ask(route, caller))}`);
    }
    expect(found).toEqual(expected);
  });

  it('lets a fulfiller report, and do nothing else that needs a credential', () => {
    const fulfillers = [...rows].filter(([, cells]) => cells[0] === '401' && cells[CALLERS.indexOf('fulfiller')] !== '403');
    expect(fulfillers.map(([operationId]) => operationId)).toEqual(['reportFulfilment']);
  });

  it('holds under /api too', async () => {
    for (const route of routes.filter(({ operationId }) => rows.get(operationId)![0] === '401')) {
      expect((await ask(route, 'nobody', '/api')).statusCode, route.operationId).toBe(401);
    }
  });

  it('is in the OpenAPI document: what needs no credential says so', () => {
    for (const { operationId, security } of routes) {
      expect(security!.length === 0, operationId).toBe(rows.get(operationId)![0] === 'yes');
    }
  });
});
