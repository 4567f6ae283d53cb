// Goal: no body holds the others up. Whatever is sent, it is refused before it is parsed, and other requests get their answers.
// Method: a whole service; eight of each hostile body at once, over connections of their own, and orders at the same time. That a refusal
// costs next to nothing is measured by hand; here it is that nothing was made of the body.

import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BODY_BYTES_MAX } from '../../../api/access/operations.ts';
import { eventually } from '../../support/eventually.ts';
import { type Service, startService } from '../../support/stack/service/service.ts';

const AT_ONCE = 8;
const JSON_TYPE = 'application/json';
const NDJSON = 'application/x-ndjson';
const good = { user_id: 1, item_ids: [1, 2], total_amount: 9.5 };

let service: Service;
let accepted = 0;
beforeAll(async () => {
  service = await startService({ PROCESSING_TIME_MS: '50' });
});
afterAll(() => service.stop());

const submit = async (): Promise<number> => {
  const { status } = await service.post(good);
  accepted += 1;
  return status;
};

/** What the server answers to these bytes. Nothing is sent that it does not read, so that the answer always comes through. */
const answerTo = async (...pieces: string[]): Promise<{ status: number; body: string }> => {
  const { hostname, port } = new URL(service.roles.api.url);
  const socket = connect(Number(port), hostname);
  for (const piece of pieces) socket.write(piece);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n', 2);
  return { status: Number(head.split(' ')[1]), body };
};
const headOf = (path: string, type: string, more: string, method = 'POST'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: ${type}\r\n${more}\r\n\r\n`;
const announced = (path: string, type: string, body: string) =>
  answerTo(headOf(path, type, `Content-Length: ${Buffer.byteLength(body)}`), body);
const chunk = (body: string): string => `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`;

const numbered = (count: number, make: (n: number) => string): string => Array.from({ length: count }, (_, n) => make(n)).join(',');
const SHAPES: Readonly<Record<string, (bytes: number) => string>> = {
  'brackets in brackets': (bytes) => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2),
  'objects in objects': (bytes) => `${'{"a":'.repeat(bytes / 8)}1${'}'.repeat(bytes / 8)}`,
  'keys that were never seen': (bytes) => `{${numbered(bytes / 16, (n) => `"key${n}":1`)}}`,
  'the same key again': (bytes) => `{${numbered(bytes / 8, () => '"a":1')}}`,
  numbers: (bytes) => `{"item_ids":[${numbered(bytes / 8, () => '1e300')}]}`,
  'empty items': (bytes) => `{"items":[${numbered(bytes / 4, () => '{}')}]}`,
  prototypes: (bytes) => `{"items":[${numbered(bytes / 32, () => '{"__proto__":{"a":1}}')}]}`,
};
const ROUTES: readonly [path: string, bytes: number][] = [
  ['/auth', BODY_BYTES_MAX.small],
  ['/orders/x/cancel', BODY_BYTES_MAX.command],
  ['/products', BODY_BYTES_MAX.product],
  ['/orders', BODY_BYTES_MAX.order],
];

describe('eight bodies at once', () => {
  it.each(Object.entries(SHAPES))('of %s are refused, and orders are taken meanwhile', async (_what, make) => {
    for (const [path, bytes] of ROUTES) {
      const attacks = Array.from({ length: AT_ONCE }, () => announced(path, JSON_TYPE, make(bytes)));
      const orders = await Promise.all(Array.from({ length: 5 }, submit));
      expect(orders).toEqual([201, 201, 201, 201, 201]);
      for (const { status, body } of await Promise.all(attacks)) {
        expect([path, status]).toEqual([path, 400]);
        // What fits into a small body may be few enough to be looked at.
        if (bytes > BODY_BYTES_MAX.command) expect(body).toMatch(/"code":"VALIDATION_FAILED".*must not have more than/);
      }
    }
  });

  it('that are longer than their route takes are refused, announced or in chunks, and orders are taken meanwhile', async () => {
    for (const [path, bytes] of ROUTES) {
      const body = 'x'.repeat(bytes + 1);
      const attacks = Array.from({ length: AT_ONCE }, (_, n) =>
        n % 2 === 0
          ? answerTo(headOf(path, JSON_TYPE, `Content-Length: ${1_000_000_000 + n}`))
          : answerTo(headOf(path, JSON_TYPE, 'Transfer-Encoding: chunked'), chunk(body)),
      );
      expect(await Promise.all(Array.from({ length: 5 }, submit))).toEqual([201, 201, 201, 201, 201]);
      for (const { status, body: answer } of await Promise.all(attacks)) {
        expect([path, status]).toEqual([path, 413]);
        expect(answer).toContain(`larger than the ${bytes} bytes`);
      }
    }
  });

  it('of lines are refused line by line, and the good lines among them are orders', async () => {
    const hostile = Object.values(SHAPES).map((make) => make(BODY_BYTES_MAX.order));
    const lines = [...hostile, JSON.stringify(good), 'x'.repeat(BODY_BYTES_MAX.order + 1), ' '.repeat(60_000), JSON.stringify(good)];
    const imports = Array.from({ length: AT_ONCE }, () => announced('/orders/import', NDJSON, `${lines.join('\n')}\n`));
    expect(await Promise.all(Array.from({ length: 5 }, submit))).toEqual([201, 201, 201, 201, 201]);
    for (const { status, body } of await Promise.all(imports)) {
      expect(status).toBe(200);
      const results = [...body.matchAll(/"status":(\d+),"order_id":[^,]+,"code":(null|"\w+")/g)].map(
        ([, code, problem]) => `${code} ${problem}`,
      );
      const refused = hostile.map(() => '400 "VALIDATION_FAILED"');
      expect(results).toEqual([...refused, '201 null', '413 "PAYLOAD_TOO_LARGE"', '201 null']);
      accepted += 2;
    }
  });
});

describe('eight requests at once', () => {
  const requestLine = (target: string, headers: string) =>
    `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${headers}\r\n\r\n`;

  it.each([
    ['of thousands of parameters', requestLine(`/orders?${numbered(2_000, (n) => `p${n}`).replaceAll(',', '&')}`, 'Accept: */*'), 400],
    ['that accept thousands of types', requestLine('/orders', `Accept: ${numbered(2_000, (n) => `a/${n}`)}`), 406],
    ['of thousands of places in the log', requestLine('/orders', `Consistency-Token: c1${'.0.0'.repeat(3_000)}`), 400],
    ['of thousands of cookies', requestLine('/health/live', `Cookie: ${'a=b; '.repeat(3_000)}`), 200],
  ])('%s are answered, and orders are taken meanwhile', async (_what, bytes, expected) => {
    const attacks = Array.from({ length: AT_ONCE }, () => answerTo(bytes));
    expect(await Promise.all(Array.from({ length: 5 }, submit))).toEqual([201, 201, 201, 201, 201]);
    expect((await Promise.all(attacks)).map(({ status }) => status)).toEqual(Array.from({ length: AT_ONCE }, () => expected));
  });
});

it('after all of them the log has the good orders and nothing else, and the api has nothing to say', async () => {
  await eventually(async () => (await service.get('/orders/metrics')).body.completed_orders === accepted, { what: `${accepted} orders` });
  expect((await service.get('/orders/metrics')).body).toMatchObject({ total_orders: accepted });
  expect((await service.get('/health/ready')).status).toBe(200);
  expect(service.roles.api.output()).toBe('');
});
