// POST /orders/import over real connections.
// Every line its result, in order and in time; streams that are bad, slow or cut off.

import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { standsStill } from '../../../support/streams.ts';

let api: InMemoryApi;
let port: number;
const sockets = new Set<Socket>();
beforeEach(async () => {
  api = await startApiInMemory({ openOrdersMax: 100_000, tailMax: 100_000 });
  sockets.clear();
  api.app.server.on('connection', (socket) => sockets.add(socket));
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  port = (api.app.server.address() as AddressInfo).port;
});
afterEach(() => api.stop());

interface Result {
  line: number;
  status: number;
  order_id: string | null;
  code: string | null;
}
const line = (more: object = {}): string => `${JSON.stringify({ user_id: 1, item_ids: [1], total_amount: 9.5, ...more })}\n`;
const parse = (body: string): Result[] =>
  body
    .split('\n')
    .filter(Boolean)
    .map((each) => JSON.parse(each));

const open = (headers: Record<string, string> = {}): ClientRequest =>
  httpRequest({ port, path: '/orders/import', method: 'POST', headers: { 'content-type': 'application/x-ndjson', ...headers } });
const send = async (
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<{ status: number; results: Result[]; body: string }> => {
  const request = open(headers);
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const answer = await text(response);
  const isStream = response.headers['content-type'] === 'application/x-ndjson';
  return { status: response.statusCode!, results: isStream ? parse(answer) : [], body: answer };
};
const ordersInLog = () => api.log.records.flat().length;

describe('the lines of an import', () => {
  it('have their results in their order, and the bad ones stop nothing', async () => {
    const lines = [
      line(),
      '{"user_id": 1,\n',
      '\n',
      line({ total_amount: '9.5' }),
      line({ idempotency_key: 'a' }),
      '[]\n',
      line({ order_id: 'mine', idempotency_key: 'b' }),
      line({ order_id: 'mine' }),
      line({ order_id: 'k_no' }),
      line({ idempotency_key: 'ä' }),
      line({ total_amount: undefined }),
      line({ more: true }),
      '  \r\n',
      line().trimEnd(),
    ];
    const { status, results } = await send(lines.join(''));
    expect(status).toBe(200);
    expect(results.map(({ line: number, status: each, code }) => [number, each, code])).toEqual([
      [1, 201, null],
      [2, 400, 'MALFORMED_JSON'],
      [4, 400, 'VALIDATION_FAILED'],
      [5, 201, null],
      [6, 400, 'VALIDATION_FAILED'],
      [7, 400, 'TWO_KEYS'],
      [8, 201, null],
      [9, 400, 'VALIDATION_FAILED'],
      [10, 400, 'VALIDATION_FAILED'],
      [11, 422, 'TOTAL_REQUIRED'],
      [12, 400, 'VALIDATION_FAILED'],
      [14, 201, null],
    ]);
    for (const result of results) {
      expect(Object.keys(result)).toEqual(['line', 'status', 'order_id', 'code']);
      expect(result.order_id === null).toBe(result.code !== null);
    }
    expect(ordersInLog()).toBe(4);
  });

  it('with keys make no second order when they are sent again, and share their keys with POST /orders', async () => {
    const lines = Array.from({ length: 300 }, (_, n) => line({ user_id: n, idempotency_key: `row-${n}` }));
    const first = (await send(lines.slice(0, 200).join(''))).results;
    const second = (await send(lines.join(''))).results;
    expect(second.map(({ status }) => status)).toEqual(lines.map(() => 201));
    expect(second.slice(0, 200)).toEqual(first);
    expect(ordersInLog()).toBe(300);
    const posted = await api.post({ user_id: 7, item_ids: [1], total_amount: 9.5 }, { 'idempotency-key': 'row-7' });
    expect(posted.json().order_id).toBe(first[7]!.order_id);
    const changed = await send(line({ user_id: 7, total_amount: 1, idempotency_key: 'row-7' }));
    expect(changed.results).toEqual([{ line: 1, status: 422, order_id: null, code: 'IDEMPOTENCY_KEY_REUSED' }]);
  });

  it('may each have 64 KiB, and a longer one is a result of its own', async () => {
    const padded = (bytes: number) => `${line().trimEnd().padEnd(bytes, ' ')}\n`;
    const { results } = await send([padded(65_536), padded(65_537), padded(5_000_000), line()].join(''));
    expect(results.map(({ status, code }) => [status, code])).toEqual([
      [201, null],
      [413, 'PAYLOAD_TOO_LARGE'],
      [413, 'PAYLOAD_TOO_LARGE'],
      [201, null],
    ]);
  });

  it('that are not UTF-8 are refused, not repaired', async () => {
    const bad = Buffer.concat([Buffer.from('{"user_id":"a'), Buffer.from([0xff]), Buffer.from('"}\n')]);
    expect((await send(Buffer.concat([bad, Buffer.from(line())]))).results.map(({ code }) => code)).toEqual(['MALFORMED_JSON', null]);
  });

  it('may be many more than one body could hold', async () => {
    const request = open();
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    const block = line().repeat(500);
    const sending = (async () => {
      for (let n = 0; n < 100; n += 1) if (!request.write(block)) await once(request, 'drain');
      request.end();
    })();
    const [response] = await answered;
    const results = parse(await text(response));
    await sending;
    expect(results).toHaveLength(50_000);
    expect(results.every(({ status }, index) => status === 201 && results[index]!.line === index + 1)).toBe(true);
  });
});

describe('the stream of results', () => {
  it('answers a line while the next ones are still to come', async () => {
    const request = open();
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    request.write(line());
    const [response] = await answered;
    const [first] = await once(response, 'data');
    expect(parse(String(first))).toMatchObject([{ line: 1, status: 201 }]);
    request.write(line());
    const [second] = await once(response, 'data');
    expect(parse(String(second))).toMatchObject([{ line: 2, status: 201 }]);
    request.end();
    expect(parse(await text(response))).toEqual([]);
  });

  it('that nobody reads stops the reading of lines: memory stays bounded', async () => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.pause();
    socket.write(
      'POST /orders/import HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n',
    );
    // Every line is refused, so that the answers are what fills up.
    const block = 'x\n'.repeat(5_000);
    const chunk = `${block.length.toString(16)}\r\n${block}\r\n`;
    const lines = 4_000_000;
    let written = 0;
    const pump = (): void => {
      while (written < lines) {
        written += 5_000;
        if (!socket.write(chunk)) return void socket.once('drain', pump);
      }
    };
    pump();
    await eventually(
      standsStill(() => written),
      { what: 'the sender to be held back' },
    );
    expect(written).toBeLessThan(lines);
    socket.destroy();
    await eventually(async () => (await connections()) === 0, { what: 'the connection to be given up' });
  });

  const connections = () => new Promise<number>((resolve) => api.app.server.getConnections((_error, count) => resolve(count)));

  it('ends cleanly when the client goes away in the middle of a line', async () => {
    const request = open();
    request.on('error', () => {});
    request.write(`${line()}{"user_id": 1, "item`);
    await once(request, 'response');
    request.destroy();
    await eventually(async () => (await connections()) === 0, { what: 'the connection to be gone' });
    expect(ordersInLog()).toBe(1);
    expect((await send(line())).results).toMatchObject([{ line: 1, status: 201 }]);
    expect(api.fatal).toEqual([]);
  });

  it('is cut off when the service stops, after the results that are under way', async () => {
    const request = open();
    request.write(line());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const [first] = await once(response, 'data');
    expect(parse(String(first))).toHaveLength(1);
    const broken = once(response, 'error');
    request.on('error', () => {});
    const startedAt = performance.now();
    await api.app.close();
    expect(performance.now() - startedAt).toBeLessThan(20_000); // the limits of a request are 30 s and more
    expect((await broken)[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  it('is not cut off by the time limit of other requests', async () => {
    const request = open();
    request.write(line());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await once(response, 'data');
    // As Node does it every half minute to requests that have taken too long.
    for (const socket of sockets)
      api.app.server.emit('clientError', Object.assign(new Error('time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
    request.end(line());
    expect(parse(await text(response))).toMatchObject([{ line: 2, status: 201 }]);
  });
});

describe('another request that takes too long', () => {
  it('is answered 400 and makes no order, even when the rest of it comes after all', async () => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('error', () => {});
    const body = line();
    socket.write(
      `POST /orders HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 9)}`,
    );
    await eventually(() => sockets.size === 1, { what: 'the connection' });
    const [ours] = sockets;
    await eventually(() => ours!.bytesRead > 100, { what: 'the first part of the request' });
    api.app.server.emit('clientError', Object.assign(new Error('time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), ours);
    socket.write(body.slice(9));
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(ordersInLog()).toBe(0);
  });
});

describe('the request as a whole', () => {
  it.each([['application/json'], ['text/plain'], ['text/csv']])('is refused as %s', async (type) => {
    const { status, body } = await send(line(), { 'content-type': type });
    expect(status).toBe(415);
    expect(JSON.parse(body)).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('may be empty', async () => {
    expect(await send('')).toMatchObject({ status: 200, results: [] });
  });

  it('takes no query', async () => {
    const answer = await api.app.inject({
      method: 'POST',
      url: '/orders/import?x=1',
      headers: { 'content-type': 'application/x-ndjson' },
      payload: line(),
    });
    expect(answer.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
  });

  it('does not take application/x-ndjson elsewhere', async () => {
    const answer = await api.post(line(), { 'content-type': 'application/x-ndjson' });
    expect(answer.statusCode).toBe(415);
  });
});
