// What holds for every route: problems, request ids, methods, negotiation, prefixes, and who may call at all.

import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROBLEM_CODES, PROBLEMS, type ProblemCode } from '../../../../api/http/problems.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';

let api: InMemoryApi;
beforeAll(async () => {
  api = await startApiInMemory();
});
afterAll(() => api.stop());

const good = { user_id: 1, item_ids: [1], total_amount: 1 };
const call = (method: string, url: string, headers: Record<string, string> = {}) =>
  api.app.inject({ method: method as 'GET', url, headers });

describe('a problem', () => {
  it('has the members of RFC 9457 and ours, and nothing else', async () => {
    const answer = await api.get('/orders/nobody-has-this', { 'x-request-id': 'mine-1' });
    expect(answer.statusCode).toBe(404);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.json()).toEqual({
      type: '/docs/errors#ORDER_NOT_FOUND',
      title: PROBLEMS.ORDER_NOT_FOUND.title,
      status: 404,
      detail: 'There is no order nobody-has-this.',
      code: 'ORDER_NOT_FOUND',
      error: 'There is no order nobody-has-this.',
      request_id: 'mine-1',
    });
  });

  it('of ours tells nothing of the inside', async () => {
    const broken = await startApiInMemory();
    broken.tail.get = () => {
      throw new Error('secret detail at /some/path.ts:7');
    };
    const answer = await broken.get('/orders/x');
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toMatchObject({ code: 'INTERNAL', status: 500 });
    expect(answer.body).not.toMatch(/secret|stack|\.ts/);
    await broken.stop();
  });

  it('has a section on /docs/errors for its code', async () => {
    const { body, headers } = await api.get('/docs/errors');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    for (const code of PROBLEM_CODES) expect(body).toContain(`<section id="${code}">`);
  });

  it.each(PROBLEM_CODES)('%s has a status that fits its class', (code: ProblemCode) => {
    expect(PROBLEMS[code].status).toBeGreaterThanOrEqual(400);
    expect(PROBLEMS[code].meaning).toMatch(/\.$/);
  });
});

describe('X-Request-Id', () => {
  it.each(['abc', 'A-1_2.3:4/5+6=7@8', 'x'.repeat(128)])('is taken over: %s', async (id) => {
    const answer = await api.post(good, { 'x-request-id': id });
    expect(answer.headers['x-request-id']).toBe(id);
  });

  it.each(['', 'with space', 'x'.repeat(129), '<script>', '{"a":1}'])('is made by the service instead of %j', async (id) => {
    const answer = await api.post(good, { 'x-request-id': id });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('becomes the correlation id of the event', async () => {
    await api.post(good, { 'x-request-id': 'follow-me' });
    expect(api.log.records.flat().some(({ headers }) => headers.ce_correlationid?.toString() === 'follow-me')).toBe(true);
  });
});

describe('traceparent', () => {
  const inLog = (value: string) => api.log.records.flat().some(({ headers }) => headers.traceparent?.toString() === value);
  it('is recorded with the event', async () => {
    const valid = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await api.post(good, { traceparent: valid });
    expect(inLog(valid)).toBe(true);
  });
  it('is left out when it is none', async () => {
    expect((await api.post(good, { traceparent: 'nonsense' })).statusCode).toBe(201);
    expect(inLog('nonsense')).toBe(false);
  });
});

describe('methods', () => {
  it.each([
    ['DELETE', '/orders', 'GET, HEAD, POST, OPTIONS'],
    ['PUT', '/orders', 'GET, HEAD, POST, OPTIONS'],
    ['PROPFIND', '/orders', 'GET, HEAD, POST, OPTIONS'],
    ['POST', '/orders/abc', 'GET, HEAD, PATCH, PUT, OPTIONS'],
    ['DELETE', '/api/orders/abc/', 'GET, HEAD, PATCH, PUT, OPTIONS'],
    ['POST', '/orders/metrics', 'GET, HEAD, OPTIONS'],
    ['PUT', '/orders/populate', 'POST, OPTIONS'],
    ['GET', '/orders/import', 'POST, OPTIONS'],
    ['PATCH', '/api/orders/export/', 'GET, HEAD, OPTIONS'],
    ['GET', '/orders/metrics/cancel', 'POST, OPTIONS'],
    ['POST', '/metrics', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/health/live', 'GET, HEAD, OPTIONS'],
    ['POST', '/docs/', 'GET, HEAD, OPTIONS'],
    ['POST', '/openapi.json', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405 with Allow', async (method, url, allow) => {
    const answer = await call(method, url);
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe(allow);
    expect(answer.json()).toMatchObject({ code: 'METHOD_NOT_ALLOWED' });
  });

  it.each(['nothing.js', '%00', 'a%00b.js', 'x'.repeat(300), '..%2f..%2fpackage.json', 'a/b', '%F0%9F%99%82'])(
    '/docs/static has no file %s, and says so as every route does',
    async (file) => {
      const answer = await api.get(`/docs/static/${file}`);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(answer.json()).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' });
    },
  );

  it('is 405 before the body is looked at', async () => {
    const answer = await api.app.inject({ method: 'PUT', url: '/orders', headers: { 'content-type': 'text/xml' }, payload: '<x/>' });
    expect(answer.statusCode).toBe(405);
  });

  it('OPTIONS says what there is', async () => {
    const answer = await call('OPTIONS', '/orders');
    expect(answer.statusCode).toBe(204);
    expect(answer.headers.allow).toBe('GET, HEAD, POST, OPTIONS');
  });

  it('HEAD is GET without the body', async () => {
    const id = (await api.post(good)).json<{ order_id: string }>().order_id;
    const head = await call('HEAD', `/orders/${id}`);
    expect(head.statusCode).toBe(200);
    expect(head.headers.etag).toBe('"v1"');
    expect(head.body).toBe('');
  });
});

describe('paths', () => {
  it.each(['/nothing', '/api/nothing', '/orders/a/b/c', '/api', '//orders', '/Orders'])('%s is no route', async (url) => {
    const answer = await api.get(url);
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: 'ROUTE_NOT_FOUND' });
  });

  it.each(['/orders/a%20b', '/orders/a%00b', '/orders/%F0%9F%98%80', `/orders/${'x'.repeat(65)}`, `/orders/${'x'.repeat(900)}`])(
    '%s is no id',
    async (url) => {
      expect((await api.get(url)).json()).toMatchObject({ code: 'VALIDATION_FAILED' });
    },
  );

  it('that cannot be decoded are 400', async () => {
    expect((await api.get('/orders/%zz')).json()).toMatchObject({ code: 'MALFORMED_REQUEST', status: 400 });
  });

  it('are the same under /api and with a trailing slash; Location keeps the prefix that was called', async () => {
    const plain = await api.post(good);
    const prefixed = await api.post(good, {}, '/api/orders/');
    expect(plain.headers.location).toBe(`/orders/${plain.json<{ order_id: string }>().order_id}`);
    expect(prefixed.headers.location).toBe(`/api/orders/${prefixed.json<{ order_id: string }>().order_id}`);
    for (const path of ['', '/', '/status', '/status/', '/events']) {
      expect((await api.get(`${prefixed.headers.location}${path}`)).statusCode).toBe(200);
      expect((await api.get(`${plain.headers.location}${path}`)).statusCode).toBe(200);
    }
    expect((await api.get('/api/health/live/')).statusCode).toBe(200);
    expect((await api.get('/api/orders/metrics')).statusCode).toBe(200);
  });
});

describe('what is not HTTP as we take it', () => {
  const good200 = JSON.stringify(good);
  const answerTo = async (bytes: string | Buffer) => {
    const own = await startApiInMemory();
    const url = new URL(await own.app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect(Number(url.port), '127.0.0.1');
    socket.write(bytes);
    const answer = await text(socket);
    await own.stop();
    expect(own.log.records.flat()).toEqual([]);
    const [head, body] = answer.split('\r\n\r\n');
    return { status: Number(head!.split(' ')[1]), head: head!, body: JSON.parse(body!) as Record<string, unknown> };
  };
  const post = (headers: string, body: string) =>
    `POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${headers}\r\n\r\n${body}`;

  it.each<[string, string]>([
    ['noise', 'hello\r\n\r\n'],
    ['a header with a NUL', 'GET /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Bad: a\0b\r\n\r\n'],
    ['two lengths', post('Content-Type: application/json\r\nContent-Length: 5\r\nContent-Length: 6', 'hello!')],
    ['headers without end', `GET /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`],
  ])('%s is a problem too', async (_what, bytes) => {
    const { status, head, body } = await answerTo(bytes);
    expect(status).toBe(400);
    expect(head.toLowerCase()).toContain('content-type: application/problem+json');
    expect(body).toMatchObject({ code: 'MALFORMED_REQUEST', status: 400, request_id: expect.any(String) });
    expect(head).toContain(String(body.request_id));
  });

  it('a body that is not UTF-8 is refused', async () => {
    const body = '{"user_id":"\xff","item_ids":[1],"total_amount":1}';
    const bytes = Buffer.from(post(`Content-Type: application/json\r\nContent-Length: ${body.length}`, body), 'latin1');
    expect((await answerTo(bytes)).body).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
  });

  it('a body that grows beyond the limit is refused while it comes', async () => {
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const { status, body } = await answerTo(post('Content-Type: application/json\r\nTransfer-Encoding: chunked', chunk.repeat(20)));
    expect([status, body.code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
  });

  it('HTTP/1.0 without a Host is nobody we know', async () => {
    const { status } = await answerTo('GET /orders HTTP/1.0\r\n\r\n');
    expect(status).toBe(403);
  });

  it('a second Content-Type does not win', async () => {
    const { status } = await answerTo(
      post(`Content-Type: text/plain\r\nContent-Type: application/json\r\nContent-Length: ${good200.length}`, good200),
    );
    expect(status).toBe(400);
  });
});

describe('Accept', () => {
  it.each([
    'application/json',
    '*/*',
    'application/*',
    'text/html, */*;q=0.1',
    'APPLICATION/JSON;q=0.5',
    'text/html;q=1, application/json',
  ])('%s takes JSON', async (accept) => {
    expect((await api.get('/orders', { accept })).statusCode).toBe(200);
  });

  it.each(['text/html', 'application/xml', 'application/json;q=0', 'application/json;q=0, */*', 'image/*'])('%s is 406', async (accept) => {
    const answer = await api.get('/orders', { accept });
    expect(answer.statusCode).toBe(406);
    expect(answer.json()).toMatchObject({ code: 'NOT_ACCEPTABLE' });
  });

  it('is looked at before an order is recorded', async () => {
    const before = api.log.records.flat().length;
    expect((await api.post(good, { accept: 'text/html' })).statusCode).toBe(406);
    expect(api.log.records.flat()).toHaveLength(before);
  });
});

describe('without access control', () => {
  it.each(['127.0.0.1', '127.0.0.1:8080', 'localhost', 'LOCALHOST:1', '[::1]', '[::1]:8080'])('Host %s is this machine', async (host) => {
    expect((await api.get('/health/live', { host })).statusCode).toBe(200);
  });

  it.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example:8080',
    '10.0.0.1',
    '0.0.0.0',
    '127.0.0.1:x',
    'localhost@evil.example',
  ])('Host %s is refused, with or without a route', async (host) => {
    for (const url of ['/orders', '/health/live', '/docs', '/nothing']) {
      const answer = await api.get(url, { host });
      expect(answer.statusCode).toBe(403);
      expect(answer.json()).toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  it('a page of ours may call', async () => {
    expect((await api.post(good, { host: '127.0.0.1:8080', origin: 'http://127.0.0.1:8080' })).statusCode).toBe(201);
  });

  it.each(['http://evil.example', 'null', 'http://127.0.0.1:9999', 'https://127.0.0.1:8080', 'http://localhost:8080'])(
    'a page of %s may not',
    async (origin) => {
      const before = api.log.records.flat().length;
      expect((await api.post(good, { host: '127.0.0.1:8080', origin })).statusCode).toBe(403);
      expect(api.log.records.flat()).toHaveLength(before);
    },
  );
});

describe('/docs', () => {
  it('loads from its own origin only, and says so', async () => {
    for (const url of ['/docs', '/docs/', '/api/docs', '/docs/errors']) {
      const answer = await api.get(url);
      expect(answer.statusCode, url).toBe(200);
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(answer.body.match(/(?:src|href)="(?:https?:)?\/\//g)).toBeNull();
      const assets = [...answer.body.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path!);
      for (const asset of assets) expect((await api.get(new URL(asset, `http://localhost${url}`).pathname)).statusCode, asset).toBe(200);
    }
  });
});

describe('/metrics', () => {
  it.each([
    ['*/*', 'text/plain'],
    ['text/plain', 'text/plain'],
    ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1', 'text/plain'],
    ['application/json', 'application/json'],
    ['application/json, text/plain, */*', 'application/json'],
    ['application/json;q=0.1, text/plain', 'text/plain'],
  ])('for Accept %s is %s', async (accept, type) => {
    const answer = await api.get('/metrics', { accept });
    expect(answer.headers['content-type']).toMatch(type);
    expect(answer.headers.vary).toBe('Accept, Accept-Encoding');
  });

  it('without Accept is Prometheus text', async () => {
    const answer = await api.app.inject({ url: '/metrics' });
    expect(answer.headers['content-type']).toMatch('text/plain');
  });

  it('is 406 for who takes neither', async () => {
    expect((await api.get('/metrics', { accept: 'text/html' })).statusCode).toBe(406);
  });

  it('counts requests by the template of their route, under whatever prefix they came', async () => {
    const own = await startApiInMemory();
    for (const url of ['/orders/a', '/api/orders/b', '/orders/c/', '/nothing']) await own.get(url);
    await own.post(good);
    const { body } = await own.get('/metrics');
    expect(body).toContain('http_request_duration_seconds_count{method="GET",route="/orders/:order_id",status_code="404"} 3');
    expect(body).toContain('http_request_duration_seconds_count{method="GET",route="unmatched",status_code="404"} 1');
    expect(body).toContain('orders_submitted_total{outcome="created"} 1');
    await own.stop();
  });
});
