import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { closedLoop, type LoadHooks, openLoop } from '../../../bench/load/load-generator.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
const answer = (response: ServerResponse) => response.writeHead(201, { 'content-length': 2 }).end('{}');
const HOOKS: LoadHooks = { onMeasuring: () => {}, onMeasured: () => {} };

/** Runs for 0.3 s; where that was too short for anything to be seen, as on a slow machine, again and for twice as long each time. */
const longEnough = async <T>(run: (seconds: number) => Promise<T>, isEnough: (result: T) => boolean): Promise<T> => {
  for (let seconds = 0.3; ; seconds *= 2) {
    const result = await run(seconds);
    if (isEnough(result) || seconds > 10) return result;
  }
};

describe('the load generator', () => {
  test('sends valid orders one after the other on each connection, and knows exactly how many were accepted', async () => {
    let created = 0;
    let atOnce = 0;
    let mostAtOnce = 0;
    const server = createServer(async (request, response) => {
      atOnce += 1;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      let body = '';
      for await (const chunk of request) body += chunk;
      expect(JSON.parse(body)).toMatchObject({ user_id: expect.any(String), total_amount: expect.any(Number) });
      created += 1;
      atOnce -= 1;
      answer(response);
    });
    const port = await listen(server);
    const ran = (seconds: number) => {
      created = 0;
      return closedLoop({ port, connections: 3, warmUpSeconds: seconds / 3, seconds }, HOOKS);
    };
    const result = await longEnough(ran, ({ measured, accepted }) => measured > 0 && measured < accepted);
    expect(result.accepted).toBe(created);
    expect(result.measured).toBeLessThan(result.accepted);
    expect(result.measured).toBeGreaterThan(0);
    expect(mostAtOnce).toBeLessThanOrEqual(3);
  });

  test('counts time from when an order was due: one stall of the server is many slow orders', async () => {
    let stallMs = 0;
    let stallUntil = 0;
    const server = createServer(async (request, response) => {
      request.resume();
      stallUntil ||= Date.now() + stallMs;
      if (Date.now() < stallUntil) await delay(stallUntil - Date.now());
      answer(response);
    });
    // One connection: while it waits, nothing else is sent, and yet it was due.
    const port = await listen(server);
    const ran = (seconds: number) => {
      [stallMs, stallUntil] = [(seconds * 4_000) / 3, 0];
      return openLoop({ port, connections: 1, warmUpSeconds: 0, seconds: 2 * seconds, rate: 200 }, HOOKS);
    };
    const { latency, accepted } = await longEnough(ran, (result) => result.accepted > 100);
    expect(accepted).toBeGreaterThan(100);
    expect(latency.max).toBeGreaterThan(200);
    expect(latency.p50).toBeGreaterThan(20);
  });

  test('keeps the rate', async () => {
    const server = createServer((request, response) => void request.resume().on('end', () => answer(response)));
    const port = await listen(server);
    const rate = 200;
    const ran = async (seconds: number) => {
      const startedAt = performance.now();
      const { measured, accepted } = await openLoop({ port, connections: 8, warmUpSeconds: seconds / 3, seconds, rate }, HOOKS);
      expect(measured).toBeLessThanOrEqual(accepted);
      // What it took is longer than what was asked for on a busy machine, which may miss the rate now and then.
      expect(accepted).toBeLessThanOrEqual(((performance.now() - startedAt) / 1_000) * rate + 1);
      return accepted / (((seconds * 4) / 3) * rate);
    };
    expect(await longEnough(ran, (kept) => kept > 0.8)).toBeGreaterThan(0.8);
  });

  test('tells refusals apart, and understands answers that come in pieces', async () => {
    const server = createTcpServer((socket) => {
      let answered = 0;
      socket.on('error', () => {});
      socket.on('data', async () => {
        answered += 1;
        const status = answered % 2 === 0 ? '503 Service Unavailable' : '201 Created';
        for (const piece of [`HTTP/1.1 ${status}\r\nconte`, 'nt-length: 1', '0\r\n', '\r\n01234', '56789']) {
          socket.write(piece);
          await delay(2);
        }
      });
    });
    const port = await listen(server);
    const ran = (seconds: number) => closedLoop({ port, connections: 1, warmUpSeconds: 0, seconds }, HOOKS);
    const result = await longEnough(ran, ({ accepted, refused }) => accepted > 1 && refused[503] !== undefined);
    expect(result.accepted).toBeGreaterThan(1);
    expect(Object.keys(result.refused)).toEqual(['503']);
    expect(Math.abs(result.accepted - result.refused[503]!)).toBeLessThanOrEqual(1);
  });

  test('declares the measurement void when the end of an answer cannot be known', async () => {
    const server = createServer((request, response) => void request.resume().on('end', () => response.writeHead(201).end('chunked')));
    const options = { port: await listen(server), connections: 1, warmUpSeconds: 0, seconds: 5 };
    await expect(closedLoop(options, HOOKS)).rejects.toThrow(/content-length/);
  });

  test('declares the measurement void when a connection is lost', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.destroy());
    });
    const options = { port: await listen(server), connections: 2, warmUpSeconds: 0, seconds: 5 };
    await expect(closedLoop(options, HOOKS)).rejects.toThrow(/was lost/);
  });
});
