// Requests with an Upgrade header: only a WebSocket handshake on the feed is one, everything else is an ordinary request.

import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type InMemoryApi, startApiInMemory } from '../../../../support/in-memory/api.ts';

let api: InMemoryApi;
let port: number;
beforeAll(async () => {
  api = await startApiInMemory();
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  port = (api.app.server.address() as AddressInfo).port;
});
afterAll(() => api.stop());

/** As `curl --http2` and Java's client send it. */
const H2C = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAoAAAAAIAAAAA' };
const send = async (method: string, path: string, headers: Record<string, string>, body?: string) => {
  const request = httpRequest({
    port,
    method,
    path,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: JSON.parse(await text(response)) };
};

describe('an Upgrade that is not for a WebSocket', () => {
  it.each(['/orders', '/api/orders', '/feed'])('is ignored on GET %s', async (path) => {
    const plain = await send('GET', path, {});
    expect((await send('GET', path, H2C)).status).toBe(plain.status);
  });

  it('is ignored on a request with a body, which is read', async () => {
    const order = JSON.stringify({ user_id: 1, item_ids: [1], total_amount: 1 });
    expect(await send('POST', '/orders', H2C, order)).toMatchObject({ status: 201, body: { message: 'Order created' } });
    expect(await send('POST', '/orders', { connection: 'Upgrade', upgrade: 'something/1' }, order)).toMatchObject({ status: 201 });
  });
});

describe('a WebSocket handshake', () => {
  const opened = async (path: string): Promise<string> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    const outcome = await Promise.race([
      once(socket, 'open').then(() => 'open'),
      once(socket, 'unexpected-response').then(async ([, response]) => `${response.statusCode} ${JSON.parse(await text(response)).code}`),
    ]);
    socket.terminate();
    return outcome;
  };

  it.each(['/feed', '/feed/', '/api/feed', '/feed?ticket=x'])('opens on %s', async (path) => {
    expect(await opened(path)).toBe('open');
  });

  it.each(['/orders', '/', '/feedback', '/orders/feed', '/nothing'])('is refused with a problem on %s', async (path) => {
    expect(await opened(path)).toBe('404 ROUTE_NOT_FOUND');
  });
});
