// Texts that PostgreSQL cannot store or UTF-8 cannot carry are refused at every door.
// Every operation with a JSON body is sent each, in every property that takes a text: 400 with the path, and nothing is recorded.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCESS_REQUIRED } from '../../../support/in-memory/accounts.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  examples?: unknown[];
}
interface Operation {
  operationId: string;
  requestBody?: { content: Record<string, { schema?: Schema; example?: unknown; examples?: Record<string, { value: unknown }> }> };
}
type Body = Record<string, unknown>;

const NUL = 'a\u0000b';
const HALF_AN_EMOJI = '\ud83d';

let api: InMemoryApi;
let operations: (Operation & { method: string; path: string })[];
let headers: Record<string, string>;

beforeAll(async () => {
  api = await startApiInMemory({ access: ACCESS_REQUIRED, decisionWaitMs: 0 });
  const document = (await api.get('/openapi.json')).json<{ paths: Record<string, Record<string, Operation>> }>();
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
  headers = { authorization: (await api.accounts.addClient('admin')).authorization };
});
afterAll(() => api.stop());

const takesText = ({ type }: Schema): boolean => [type].flat().includes('string');
const recorded = (): number => [...api.log.records, ...api.productLog.records].flat().length;

/** Each property of a body that takes a text, with a body that has a text in it. */
const spoiled = (operation: Operation, text: string): { path: string; body: Body }[] => {
  const media = operation.requestBody?.content['application/json'];
  if (media?.schema?.properties === undefined) return [];
  const example = (media.example ?? Object.values(media.examples ?? {})[0]?.value ?? media.schema.examples?.[0] ?? {}) as Body;
  return Object.entries(media.schema.properties)
    .filter(([, schema]) => takesText(schema))
    .map(([name]) => ({ path: `/${name}`, body: { ...example, [name]: text } }));
};

describe.each([
  ['NUL', NUL],
  ['half of a surrogate pair', HALF_AN_EMOJI],
])('%s in a body', (_, text) => {
  it('is 400 with the path, in every property of every operation, and nothing is recorded', async () => {
    const before = recorded();
    const asked: string[] = [];
    const answered: string[] = [];
    for (const operation of operations) {
      for (const { path, body } of spoiled(operation, text)) {
        const answer = await api.app.inject({
          method: operation.method as 'POST',
          url: operation.path.replaceAll(/\{\w+\}/g, 'some-id'),
          headers: { ...headers, 'content-type': 'application/json' },
          payload: JSON.stringify(body),
        });
        const paths = answer.json<{ errors?: { path: string }[] }>().errors?.map((each) => each.path) ?? [];
        asked.push(`${operation.operationId} ${path}: 400`);
        answered.push(`${operation.operationId} ${paths.includes(path) ? path : paths.join()}: ${answer.statusCode}`);
      }
    }
    expect(answered).toEqual(asked);
    expect(asked.length).toBeGreaterThan(20);
    expect(asked).toEqual(expect.arrayContaining(['cancelOrder /reason: 400', 'createProduct /name: 400', 'createUser /name: 400']));
    expect(recorded()).toBe(before);
  });

  it('is refused line by line in an import', async () => {
    const line = JSON.stringify({ user_id: 1, item_ids: ['5'], total_amount: 1, idempotency_key: text });
    const answer = await api.app.inject({
      method: 'POST',
      url: '/orders/import',
      headers: { ...headers, 'content-type': 'application/x-ndjson' },
      payload: `${line}\n`,
    });
    expect(JSON.parse(answer.body)).toMatchObject({ line: 1, status: 400, code: 'VALIDATION_FAILED' });
  });

  it('is no credential', async () => {
    const basic = Buffer.from(`${text}@example.com:correct horse battery`).toString('base64');
    const answer = await api.get('/orders', { authorization: `Basic ${basic}` });
    expect(answer.statusCode).toBe(401);
  });
});

it('names the place deep in a body', async () => {
  const answer = await api.app.inject({
    method: 'POST',
    url: '/orders/some-id/cancel',
    headers: { ...headers, 'content-type': 'application/json' },
    payload: JSON.stringify({ reason: `ordered twice ${HALF_AN_EMOJI}` }),
  });
  expect(answer.json()).toMatchObject({
    code: 'VALIDATION_FAILED',
    errors: [{ path: '/reason', message: 'must not contain NUL (U+0000) or half of a surrogate pair' }],
  });
});

it.each(['🙂', 'a\tb', 'ünï', '\uffff'])('leaves other texts alone: %j', async (reason) => {
  const answer = await api.app.inject({
    method: 'POST',
    url: '/orders/some-id/cancel',
    headers: { ...headers, 'content-type': 'application/json' },
    payload: JSON.stringify({ reason }),
  });
  expect(answer.json().code).toBe('ORDER_NOT_FOUND');
});
