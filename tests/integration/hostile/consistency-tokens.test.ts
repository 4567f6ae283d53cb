// Consistency-Tokens that no write ever gave: on every route that takes one, in the query and in the header, each is 400, never 500 or a wait.

import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApisOnStack, startApisOnStack } from '../../support/stack/service/api-on-stack.ts';

let apis: ApisOnStack;
let orderId: string;
let given: string;
const PARTITIONS = 4; // of api-on-stack.ts
beforeAll(async () => {
  apis = await startApisOnStack(1);
  const posted = await apis.instances[0]!.post({ user_id: 1, item_ids: [1], total_amount: 1 });
  orderId = posted.body.order_id;
  given = posted.headers.get('consistency-token')!;
});
afterAll(async () => {
  await apis?.stop();
  expect(apis.fatal).toEqual([]);
});

const ROUTES = ['', '/metrics', '/export', '/:id', '/:id/status', '/:id/events'];
/** Each token as it is made of one that was given. */
const ABSURD: [string, string | ((given: string) => string)][] = [
  ['nothing', ''],
  ['another word', 'latest'],
  ['no place', 'c1'],
  ['half a place', 'c1.0'],
  ['a place and a half', 'c1.0.0.1'],
  ['another version', 'c2.0.0'],
  ['a partition that there is not', `c1.${PARTITIONS.toString(36)}.0`],
  ['a huge partition', 'c1.zzzzzz.0'],
  ['a partition of more digits than any', 'c1.zzzzzzz.0'],
  ['a negative partition', 'c1.-1.0'],
  ['a negative offset', 'c1.0.-1'],
  ['a fraction', 'c1.0.1,5'],
  ['an exponent', 'c1.0.1e+5'],
  ['an offset beyond the end', 'c1.0.zzzz'],
  ['the largest offset', 'c1.0.zzzzzzzzzzz'],
  ['an offset above 2^53', 'c1.0.2gosa7pa2gw'],
  ['an offset of more digits than any', 'c1.0.zzzzzzzzzzzz'],
  ['capitals', 'C1.0.0'],
  ['NUL', 'c1.0.0\0'],
  ['a line break', 'c1.0.0\n'],
  ['a space', 'c1.0.0 '],
  ['another script', 'c1.０.０'],
  ['a place that there is, and one that there is not', (token) => `${token}.0.zzzz`],
  ['a place twice', (token) => token + token.slice(2)],
  ['a place a thousand times', (token) => token + token.slice(2).repeat(999)],
];

const REFUSED = { status: 400, code: expect.stringMatching(/^(INVALID_TOKEN|VALIDATION_FAILED)$/) };

/** The raw header, as only Node's own client sends it. */
const withHeaders = (path: string, headers: string[]): Promise<{ status: number; code: unknown }> =>
  new Promise((resolve, reject) => {
    const sending = request(`${apis.instances[0]!.url}${path}`, { headers: ['host', '127.0.0.1', ...headers] }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const isProblem = response.headers['content-type']?.startsWith('application/problem+json') === true;
        resolve({ status: response.statusCode!, code: isProblem ? (JSON.parse(text) as { code?: unknown }).code : null });
      });
    });
    sending.on('error', reject).end();
  });
const pathOf = (route: string): string => `/orders${route.replace(':id', orderId)}`;

describe.each(ROUTES)('GET /orders%s', (route) => {
  const sentFor = (token: (typeof ABSURD)[number][1]): string => (typeof token === 'string' ? token : token(given));

  it.each(ABSURD)('refuses %s in ?after=', async (_, token) => {
    const sent = sentFor(token);
    const { status, body } = await apis.instances[0]!.get(`${pathOf(route)}?after=${encodeURIComponent(sent)}`);
    expect({ status, code: body.code }).toEqual(REFUSED);
  });

  it.each(ABSURD)('refuses %s in the header', async (_, token) => {
    const sent = sentFor(token);
    // What no header may contain does not come so far; white space around a value is none of it.
    if (/[\0\n]| $|[^\x20-\xff]/.test(sent)) return;
    expect(await withHeaders(pathOf(route), ['consistency-token', sent])).toEqual(REFUSED);
  });

  it('refuses two of them, and takes one that is sent twice', async () => {
    const twice = (second: string) => ['consistency-token', given, 'consistency-token', second];
    const other = given === 'c1.1.0' ? 'c1.2.0' : 'c1.1.0'; // the partition of the order that was posted is chance
    expect(await withHeaders(pathOf(route), twice(other))).toEqual({ status: 400, code: 'VALIDATION_FAILED' });
    expect(await withHeaders(pathOf(route), twice(given))).toEqual({ status: 200, code: null });
    const { status, body } = await apis.instances[0]!.get(`${pathOf(route)}?after=${given}&after=${given}`);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'VALIDATION_FAILED' });
  });

  it('takes the one that was given', async () => {
    const response = await fetch(`${apis.instances[0]!.url}${pathOf(route)}?after=${given}`);
    expect(response.status).toBe(200);
  });
});

it('other routes do not read one: it is neither an error nor waited for', async () => {
  const answers = await Promise.all([
    apis.instances[0]!.get('/products', { 'consistency-token': 'latest' }),
    apis.instances[0]!.get('/health/live', { 'consistency-token': 'latest' }),
    apis.instances[0]!.post({ user_id: 1, item_ids: [1], total_amount: 1 }, { 'consistency-token': 'latest' }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 201]);
});
