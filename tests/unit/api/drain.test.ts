// How the api leaves: over real connections, on a log in memory.

import { Agent, type IncomingMessage, request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDrain, type Drain } from '../../../api/drain.ts';
import type { Position } from '../../../shared/log/log.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { openFeed } from '../../support/api-feed-client.ts';
import { type InMemoryApi, startApiInMemory } from '../../support/api-in-memory.ts';
import { eventually } from '../../support/eventually.ts';

const STOP_MAX_MS = 3_750; // what main.ts gives it

let api: InMemoryApi;
let url: string;
let agent: Agent;
let drain: Drain;
/** Settles the appends that hang. */
let stopAppends: () => void;
beforeEach(async () => {
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  api = await startApiInMemory();
  stopAppends = () => {};
  drain = createDrain({ app: api.app, stopFeed: api.feed.stop, stopAppends: async () => stopAppends() });
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  agent.destroy();
  await drain.stop();
  await api.stop();
  expect(api.fatal).toEqual([]);
});

const ORDER = JSON.stringify({ user_id: 1, item_ids: [1], total_amount: 1 });
const send = (method: string, path: string, body?: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    request(`${url}${path}`, { method, agent, headers }, (response) => response.resume().on('end', () => resolve(response)))
      .on('error', reject)
      .end(body);
  });

describe('an api that leaves', () => {
  it('serves the connections that are in use a last time and says so, then refuses new ones', async () => {
    expect((await send('GET', '/orders/metrics')).headers.connection).toBe('keep-alive');
    const stopped = drain.stop();
    const last = await send('POST', '/orders', ORDER); // on the kept connection
    expect([last.statusCode, last.headers.connection]).toEqual([201, 'close']);
    await stopped;
    await expect(send('GET', '/orders/metrics')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('is gone at once when nobody is connected', async () => {
    const at = performance.now();
    await drain.stop();
    expect(performance.now() - at).toBeLessThan(500);
  });

  it('does not wait for connections that nobody uses', async () => {
    await send('GET', '/orders/metrics');
    expect(Object.keys(agent.freeSockets)).not.toEqual([]);
    const at = performance.now();
    await drain.stop();
    expect(performance.now() - at).toBeLessThan(2_000);
    await eventually(() => Object.keys(agent.freeSockets).length === 0, { what: 'the connection to be closed' });
  });

  it('answers what it has taken before it goes', async () => {
    const appended = Promise.withResolvers<void>();
    const landing = Promise.withResolvers<void>();
    api.log.script.push(async (record) => {
      appended.resolve();
      await landing.promise;
      return api.log.land(record);
    });
    const answer = send('POST', '/orders', ORDER);
    await appended.promise;
    const stopped = drain.stop();
    landing.resolve();
    expect((await answer).statusCode).toBe(201);
    await stopped;
  });

  it('answers an append in doubt with 503 rather than with silence, and is in time', async () => {
    const appended = Promise.withResolvers<void>();
    const hanging = Promise.withResolvers<Position>();
    api.log.script.push(() => {
      appended.resolve();
      return hanging.promise;
    });
    api.log.script.push(() => Promise.reject(new AppError('LOG_UNAVAILABLE', 'stopped'))); // it is tried again
    stopAppends = () => hanging.reject(new AppError('APPEND_OUTCOME_UNKNOWN', 'stopped'));
    const answer = send('POST', '/orders', ORDER);
    await appended.promise;
    const at = performance.now();
    await drain.stop();
    expect((await answer).statusCode).toBe(503);
    expect(performance.now() - at).toBeLessThan(STOP_MAX_MS);
  });

  it('says goodbye to those who watch', async () => {
    const feed = await openFeed(url);
    await drain.stop();
    expect(feed.frames.at(-1)).toMatchObject({ type: 'shutdown' });
    expect((await feed.closed).code).toBe(1001);
  });
});
