// One attempt at an endpoint, against a real HTTP server: what is sent, and what every class of answer means.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { type HttpFulfilmentOptions, httpFulfilment } from '../../../../processor/fulfilment/http-fulfilment.ts';
import { evolve } from '../../../../shared/order/order.ts';
import { orderView } from '../../../../shared/order/order-view.ts';
import { created, fact } from '../../../support/builders/order-events.ts';
import { patience } from '../../../support/machine.ts';
import { pass, passUntil, steerTime } from '../../../support/steered-time.ts';

const order = evolve(evolve(null, created('o-1')).order, fact('OrderProcessing', 'o-1', 2, 'pending')).order!;
const TIMEOUT_MS = patience(10_000);

const closers: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const close of closers.splice(0)) close();
});

const serve = async (answer: (request: IncomingMessage, response: ServerResponse) => void) => {
  const server = createServer(answer);
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}/fulfil?x=1`, connections: () => connections };
};
const answering = (status: number, headers: Record<string, string> = {}) =>
  serve((request, response) => {
    request.resume();
    response.writeHead(status, headers).end('{"what":"ever"}');
  });
const fulfilmentAt = (url: string, options: Partial<HttpFulfilmentOptions> = {}) =>
  httpFulfilment({ url, timeoutMs: TIMEOUT_MS, connectionsMax: 4, onStrangeReference: () => {}, ...options });
const attemptAt = (url: string, timeoutMs = TIMEOUT_MS) => fulfilmentAt(url, { timeoutMs })(order);

it('sends the order as clients see it, with its id as key', async () => {
  const seen: { method?: string; url?: string; headers: IncomingMessage['headers']; body: unknown }[] = [];
  const { url, port, connections } = await serve((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const { method, headers } = request;
      seen.push({ ...(method ? { method } : {}), ...(request.url ? { url: request.url } : {}), headers, body: JSON.parse(text) });
      response.writeHead(201).end('made');
    });
  });
  const attempt = fulfilmentAt(url);
  for (let i = 0; i < 3; i += 1) expect(await attempt(order)).toEqual({ outcome: 'done' });
  expect(connections(), 'one connection is used again').toBe(1);
  expect(seen[0]).toMatchObject({ method: 'POST', url: '/fulfil?x=1', body: orderView(order) });
  expect(seen[0]!.headers).toMatchObject({ 'content-type': 'application/json', 'idempotency-key': 'o-1' });
  expect(seen[0]!.headers.authorization).toBeUndefined();
  await attemptAt(`http://us%40er:p%3Aw@127.0.0.1:${port}/`);
  expect(seen[3]!.headers.authorization).toBe(`Basic ${Buffer.from('us@er:p:w').toString('base64')}`);
});

it.each([200, 201, 203, 204, 205, 299])('takes %d as done', async (status) => {
  expect(await attemptAt((await answering(status)).url)).toEqual({ outcome: 'done' });
});

it.each([
  ['a reference', '{"reference":"job-7"}', 'job-7'],
  [
    'a reference of 200 characters, in any script',
    JSON.stringify({ reference: '件'.repeat(199).concat('🚚'), more: [1] }),
    `${'件'.repeat(199)}🚚`,
  ],
  ['none', '{}', null],
  ['null', '{"reference":null}', null],
  ['no JSON', '<p>queued</p>', null],
  ['JSON that is no object', '"job-7"', null],
  ['nothing at all', '', null],
  ['more than is read', JSON.stringify({ reference: 'job-7', more: 'x'.repeat(20_000) }), null],
])('takes 202 as accepted, with %s in its body', async (_what, body, reference) => {
  const strange: string[] = [];
  const { url } = await serve((request, response) => {
    request.resume();
    response.writeHead(202).end(body);
  });
  expect(await fulfilmentAt(url, { onStrangeReference: (id) => strange.push(id) })(order)).toEqual({ outcome: 'accepted', reference });
  expect(strange).toEqual([]);
});

it.each([['"x"'.replace('x', 'x'.repeat(201))], ['""'], ['7'], ['{}'], ['"a\\nb"'], ['"\\ud800"'], ['"\\u0000"']])(
  'goes on without the reference %s, and says so',
  async (reference) => {
    const strange: string[] = [];
    const { url } = await serve((request, response) => {
      request.resume();
      response.writeHead(202).end(`{"reference":${reference}}`);
    });
    expect(await fulfilmentAt(url, { onStrangeReference: (id) => strange.push(id) })(order)).toEqual({
      outcome: 'accepted',
      reference: null,
    });
    expect(strange).toEqual(['o-1']);
  },
);

it.each([400, 402, 405, 410, 413, 422, 451])('takes %d as a refusal for good', async (status) => {
  expect(await attemptAt((await answering(status)).url)).toEqual({
    outcome: 'failed',
    failure: { code: 'FULFILMENT_REFUSED', detail: `The endpoint answered ${status}.` },
  });
});

it.each([
  [408, 'answer'],
  [409, 'answer'],
  [423, 'answer'],
  [425, 'answer'],
  [429, 'answer'],
  [500, 'order'],
  [501, 'order'],
  [507, 'order'],
  [401, 'endpoint'],
  [403, 'endpoint'],
  [404, 'endpoint'],
  [502, 'endpoint'],
  [503, 'endpoint'],
  [504, 'endpoint'],
  [301, 'endpoint'],
  [307, 'endpoint'],
])('takes %d as a reason to try again later, which blames the %s', async (status, blames) => {
  expect(await attemptAt((await answering(status, { location: '/elsewhere' })).url)).toEqual({
    outcome: 'retry',
    failure: { code: 'FULFILMENT_FAILED', detail: `The endpoint answered ${status}.` },
    blames,
    afterMs: 0,
  });
});

it('hears how long the endpoint asks to wait, in seconds or as a date', async () => {
  const asked = async (value: string) => {
    const attempted = await attemptAt((await answering(429, { 'retry-after': value })).url);
    return attempted.outcome === 'retry' ? attempted.afterMs : null;
  };
  expect(await asked('7')).toBe(7_000);
  expect(await asked('0')).toBe(0);
  const askedAt = performance.now();
  const inAMinute = await asked(new Date(Date.now() + 60_000).toUTCString());
  expect(inAMinute).toBeGreaterThan(58_000 - (performance.now() - askedAt)); // the date has no milliseconds
  expect(inAMinute).toBeLessThanOrEqual(60_000);
  expect(await asked(new Date(Date.now() - 60_000).toUTCString())).toBe(0);
  expect(await asked('soon')).toBe(0);
  expect(await asked('-5')).toBe(0);
});

it('gives up waiting for an answer after the time-out', async () => {
  steerTime();
  const received = Promise.withResolvers<void>();
  const { url } = await serve(() => received.resolve());
  const attempted = attemptAt(url, 100);
  await received.promise;
  expect(await Promise.race([attempted, pass(99)])).toBeUndefined();
  expect(await passUntil(attempted, 'the end of the attempt')).toMatchObject({
    outcome: 'retry',
    failure: { code: 'FULFILMENT_TIMED_OUT', detail: 'The endpoint did not answer within 100 ms.' },
    blames: 'order',
  });
});

it('believes a status whose body never ends, and one whose body is endless', async () => {
  const silent = await serve((_request, response) => void response.writeHead(200).write('so far'));
  expect(await attemptAt(silent.url, patience(300))).toEqual({ outcome: 'done' });
  const endless = await serve((_request, response) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  });
  steerTime(); // the time-out never comes
  expect(await attemptAt(endless.url, 60_000)).toEqual({ outcome: 'done' });
});

it('tells a connection that never came about from one that broke', async () => {
  const { url, port } = await serve((request) => void request.socket.destroy());
  expect(await attemptAt(url)).toMatchObject({ outcome: 'retry', failure: { code: 'FULFILMENT_UNREACHABLE' }, blames: 'order' });
  for (const close of closers.splice(0)) close();
  expect(await attemptAt(`http://127.0.0.1:${port}/`)).toMatchObject({
    outcome: 'retry',
    failure: { code: 'FULFILMENT_UNREACHABLE', detail: 'The endpoint could not be reached (ECONNREFUSED).' },
    blames: 'endpoint',
  });
});

it('opens no more connections than it may, and uses them again', async () => {
  const { url, connections } = await answering(200);
  const attempt = fulfilmentAt(url);
  await Promise.all(Array.from({ length: 100 }, () => attempt(order)));
  expect(connections()).toBe(4);
});
