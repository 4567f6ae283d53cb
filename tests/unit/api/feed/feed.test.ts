// The live feed over a real connection, on a log in memory.

import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SLOW_BYTES_MAX } from '../../../../api/feed/connected-clients.ts';
import { HEARTBEAT_MS } from '../../../../api/feed/feed.ts';
import { webSocketText } from '../../../../api/feed/frames.ts';
import { created, event, fact } from '../../../support/builders/order-events.ts';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { openFeed } from '../../../support/stack/service/feed-client.ts';
import { pass, steerTime } from '../../../support/steered-time.ts';

let api: InMemoryApi;
let url: string;
beforeEach(async () => {
  api = await startApiInMemory({ tailMax: 1_000_000 });
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await api.stop();
  expect(api.fatal).toEqual([]);
});
const metric = async (line: string) =>
  (await api.get('/metrics')).body
    .split('\n')
    .find((each) => each.startsWith(`${line} `))
    ?.split(' ')[1];

describe('a client', () => {
  it('is told that it is subscribed, then every applied fact, in order', async () => {
    const feed = await openFeed(url);
    expect(feed.frames).toEqual([{ type: 'subscribed', cursor: expect.any(String) }]);
    const time = Date.parse('2026-05-01T00:00:00.000Z');
    api.log.landEvent(created('o', {}, { time }));
    api.log.landEvent(fact('OrderProcessing', 'o', 2, 'pending', { time: time + 5 }));
    api.log.landEvent(event('OrderParked', 'o', { version: 3, time: time + 6 }));
    api.log.landEvent(fact('OrderCompleted', 'o', 4, 'processing', { time: time + 9 }));
    const frames = await feed.seen(4);
    const about = { type: 'order', order_id: 'o', user_id: '101', cursor: expect.any(String) };
    expect(frames).toEqual([
      { ...about, status: 'pending', previous_status: null, version: 1, at: '2026-05-01T00:00:00.000Z', event: 'OrderCreated' },
      { ...about, status: 'processing', previous_status: 'pending', version: 2, at: '2026-05-01T00:00:00.005Z', event: 'OrderProcessing' },
      { ...about, status: 'processing', previous_status: 'processing', version: 3, at: '2026-05-01T00:00:00.006Z', event: 'OrderParked' },
      { ...about, status: 'completed', previous_status: 'processing', version: 4, at: '2026-05-01T00:00:00.009Z', event: 'OrderCompleted' },
    ]);
    expect(new Set(feed.frames.map(({ cursor }) => cursor)).size).toBe(5);
    feed.socket.close();
  });

  it('is not told of void facts, requests and refusals', async () => {
    const feed = await openFeed(url);
    const first = created('o');
    const rest = [
      first,
      fact('OrderCompleted', 'o', 2, 'pending'),
      fact('OrderProcessing', 'o', 3, 'pending'),
      event('OrderCancellationRequested', 'o'),
      event('OrderRequestRefused', 'o', { causationId: 'r' }),
      fact('OrderProcessing', 'nobody', 2, 'pending'),
    ];
    for (const each of [first, ...rest]) api.log.landEvent(each);
    api.log.landEvent(fact('OrderProcessing', 'o', 2, 'pending'));
    expect((await feed.seen(2)).map(({ order_id, version }) => [order_id, version])).toEqual([
      ['o', 1],
      ['o', 2],
    ]);
    feed.socket.close();
  });

  it('sees each order in its order, and the same frames as every other client', async () => {
    const feeds = await Promise.all([openFeed(url), openFeed(url), openFeed(url, '/api/feed')]);
    const count = 50;
    for (let n = 0; n < count; n += 1) api.log.landEvent(created(`o${n}`));
    for (let n = 0; n < count; n += 1) api.log.landEvent(fact('OrderProcessing', `o${n}`, 2, 'pending'));
    const [first, ...others] = await Promise.all(feeds.map((feed) => feed.seen(2 * count)));
    for (const other of others) expect(other).toEqual(first);
    for (let n = 0; n < count; n += 1) expect(feeds[0]!.orders(`o${n}`).map(({ version }) => version)).toEqual([1, 2]);
    expect(await metric('feed_clients')).toBe('3');
    expect(await metric('feed_frames_sent_total')).toBe(String(3 * (2 * count + 1)));
    for (const { socket } of feeds) socket.close();
    await eventually(async () => (await metric('feed_clients')) === '0', { what: 'the clients to be forgotten' });
  });

  it('that comes later is told nothing of before', async () => {
    const early = await openFeed(url);
    api.log.landEvent(created('before'));
    await early.seen(1);
    const late = await openFeed(url);
    expect(late.frames[0]!.cursor).toBe(early.orders()[0]!.cursor);
    api.log.landEvent(created('after'));
    expect((await late.seen(1)).map(({ order_id }) => order_id)).toEqual(['after']);
    for (const { socket } of [early, late]) socket.close();
  });

  it('is told nothing twice when the tail starts again', async () => {
    const feed = await openFeed(url);
    api.log.landEvent(created('o'));
    await feed.seen(1);
    api.readModel.catchUp();
    await eventually(() => api.tail.checkpoint(api.log.partitionOf('o')) === 1, { what: 'the checkpoint' });
    api.readModel.wipe();
    await api.tail.reset();
    api.log.landEvent(fact('OrderProcessing', 'o', 2, 'pending'));
    expect((await feed.seen(2)).map(({ version }) => version)).toEqual([1, 2]);
    feed.socket.close();
  });

  it('may subscribe by a message, without a filter', async () => {
    const feed = await openFeed(url);
    feed.socket.send(JSON.stringify({ type: 'subscribe' }));
    await eventually(() => feed.frames.length === 2, { what: 'the answer' });
    expect(feed.frames[1]).toEqual({ type: 'subscribed', cursor: feed.frames[0]!.cursor });
    feed.socket.close();
  });

  it.each([
    'hello',
    '{}',
    '[]',
    'null',
    '{"type":"unsubscribe"}',
    '{"type":"subscribe","user_id":"1"}',
    '{"type":"subscribe","cursor":"f1.0.0.0"}',
  ])('that says %s is told what is wrong, and cut off with 4000', async (message) => {
    const feed = await openFeed(url);
    feed.socket.send(message);
    expect(await feed.closed).toEqual({ code: 4000, reason: 'bad_message' });
    expect(feed.frames.at(-1)).toMatchObject({
      type: 'error',
      code: 'VALIDATION_FAILED',
      detail: expect.any(String),
      cursor: expect.any(String),
    });
    expect(await metric('feed_clients_dropped_total{reason="bad_message"}')).toBe('1');
  });

  it.each(['color=red', 'cursor=f1.0.0.0'])(
    'with the query %s is told that the feed does not take it, and cut off with 4000',
    async (query) => {
      const feed = await openFeed(url, `/feed?${query}`);
      expect((await feed.closed).code).toBe(4000);
      expect(feed.frames).toMatchObject([{ type: 'error', code: 'VALIDATION_FAILED' }]);
    },
  );

  it('that sends brackets in brackets is cut off with 4000 before they are parsed', async () => {
    const feed = await openFeed(url);
    const parse = vi.spyOn(JSON, 'parse');
    const message = '['.repeat(16_000);
    feed.socket.send(message);
    expect((await feed.closed).code).toBe(4000);
    expect(parse.mock.calls.filter(([text]) => text === message)).toEqual([]);
    parse.mockRestore();
  });

  it('that sends more than any message needs is cut off', async () => {
    const feed = await openFeed(url);
    feed.socket.send('x'.repeat(20_000));
    expect((await feed.closed).code).toBe(1009);
  });

  it.each([[{ host: 'evil.example' }], [{ origin: 'http://evil.example' }]])('with %j is not let in', async (headers) => {
    await expect(openFeed(url, '/feed', headers as Record<string, string>)).rejects.toThrow('403');
  });

  it('is not let in before there is a place in the log to begin at', async () => {
    const early = await startApiInMemory({ start: false });
    const address = await early.app.listen({ host: '127.0.0.1', port: 0 });
    await expect(openFeed(address)).rejects.toThrow('503');
    await early.tail.start();
    (await openFeed(address)).socket.close();
    await early.stop();
  });

  it('hears of a shutdown, and the code says so', async () => {
    const feed = await openFeed(url);
    await api.app.close();
    expect((await feed.closed).code).toBe(1001);
    expect(feed.frames.at(-1)).toMatchObject({ type: 'shutdown', cursor: expect.any(String) });
  });

  it('hears a heartbeat while nothing happens', async () => {
    const release = steerTime();
    const quiet = await startApiInMemory();
    const feed = await openFeed(await quiet.app.listen({ host: '127.0.0.1', port: 0 }));
    await pass(HEARTBEAT_MS);
    await eventually(() => feed.frames.some(({ type }) => type === 'heartbeat'), { what: 'a heartbeat' });
    feed.socket.close();
    await quiet.stop();
    release();
  });
});

describe('a client that does not read', () => {
  it('is cut off with 4008 once a megabyte waits, and the others notice nothing', async () => {
    const good = await openFeed(url);
    const slow = connect(Number(new URL(url).port), '127.0.0.1');
    slow.write(
      `GET /feed HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
    );
    await new Promise((resolve) => slow.once('data', resolve));
    slow.pause();
    await eventually(async () => (await metric('feed_clients')) === '2', { what: 'both clients' });

    const gone = async () => (await metric('feed_clients_dropped_total{reason="slow"}')) === '1';
    let sent = 0;
    // The kernel's buffers take the first megabytes; frames are about 250 bytes.
    for (; sent < 200_000 && !(await gone()); sent += 2_000) {
      for (let n = 0; n < 2_000; n += 1) api.log.landEvent(created(`o${sent + n}`));
      await good.seen(sent + 2_000);
    }
    expect(await gone(), 'the slow client was cut off').toBe(true);
    expect(sent * 200).toBeGreaterThan(SLOW_BYTES_MAX);
    expect(await metric('feed_clients')).toBe('1');
    api.log.landEvent(created('last'));
    expect((await good.seen(sent + 1)).at(-1)).toMatchObject({ order_id: 'last' });
    expect(new Set(good.orders().map(({ order_id }) => order_id)).size).toBe(sent + 1);
    slow.destroy();
    good.socket.close();
  });
});

describe('a text frame', () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 100_000])('of %d bytes has the head of RFC 6455', (length) => {
    const bytes = webSocketText('x'.repeat(length));
    const announced = bytes[1]! < 126 ? bytes[1]! : bytes[1] === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    expect(bytes[0]).toBe(0x81);
    expect(announced).toBe(length);
    expect(bytes.toString('utf8', bytes.length - length)).toBe('x'.repeat(length));
  });

  it('counts bytes, not characters', () => {
    const bytes = webSocketText('\u20ac\u{1f600}');
    expect(bytes[1]).toBe(7);
    expect(bytes.subarray(2).toString('utf8')).toBe('\u20ac\u{1f600}');
  });
});
