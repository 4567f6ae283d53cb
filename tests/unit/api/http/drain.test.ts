// How the api leaves: over real connections, on a log in memory.

import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDrain, type Drain } from '../../../../api/http/drain.ts';
import type { Position } from '../../../../shared/log/log.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { patience } from '../../../support/machine.ts';
import { quickest } from '../../../support/quickest.ts';
import { openFeed } from '../../../support/stack/service/feed-client.ts';

const STOP_MAX_MS = 3_750; // what main.ts gives it
const NOTICE_MS = 750; // drain.ts
const SENT_LIMIT_MS = patience(10_000);
const IDLE_GONE_MS = 2_000; // the notice, and the cut; an answer that is waited for would have 1.25 s more

let api: InMemoryApi;
let url: string;
let agent: Agent;
let drain: Drain;
/** Settles the appends that hang. */
let stopAppends: () => void;
const listen = async (): Promise<void> => {
  api = await startApiInMemory();
  stopAppends = () => {};
  drain = createDrain({ app: api.app, stopFeed: api.feed.stop, stopAppends: async () => stopAppends() });
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
};
beforeEach(async () => {
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await listen();
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

interface ClientThread {
  /** A GET; resolves with its status or the code of its error. */
  send: () => Promise<string>;
  /** Stops this thread until the client has written its request, and at least so long. */
  blockUntilSent: (ms: number) => void;
  end: () => Promise<number>;
}

/** A client that lives while this thread stands still. */
const startClientThread = async (to: string): Promise<ClientThread> => {
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { parentPort, workerData: { url, sent } } = require('node:worker_threads');
     const { Agent, request } = require('node:http');
     const agent = new Agent({ keepAlive: true });
     parentPort.on('message', () => {
       const sending = request(url, { agent }, (response) => {
         response.resume().on('end', () => parentPort.postMessage(String(response.statusCode)));
       });
       sending.on('error', (error) => parentPort.postMessage(error.code));
       sending.on('finish', () => { Atomics.store(sent, 0, 1); Atomics.notify(sent, 0); });
       sending.end();
     });`,
    { eval: true, workerData: { url: `${to}/orders/metrics`, sent } },
  );
  await once(worker, 'online');
  return {
    send: async () => {
      Atomics.store(sent, 0, 0);
      worker.postMessage('send');
      return ((await once(worker, 'message')) as [string])[0];
    },
    blockUntilSent: (ms) => {
      const at = performance.now();
      expect(Atomics.wait(sent, 0, 0, SENT_LIMIT_MS)).not.toBe('timed-out');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms - (performance.now() - at));
    },
    end: () => worker.terminate(),
  };
};

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
    const leaving = async () => {
      const at = performance.now();
      await drain.stop();
      const took = performance.now() - at;
      await api.stop();
      await listen();
      return took;
    };
    expect(await quickest(NOTICE_MS, leaving)).toBeLessThan(NOTICE_MS);
  });

  it('does not wait for connections that nobody uses', async () => {
    const leaving = async () => {
      await send('GET', '/orders/metrics');
      await eventually(() => Object.keys(agent.freeSockets).length > 0, { what: 'the connection to be kept' });
      const at = performance.now();
      await drain.stop();
      const took = performance.now() - at;
      await eventually(() => Object.keys(agent.freeSockets).length === 0, { what: 'the connection to be closed' });
      await api.stop();
      await listen();
      return took;
    };
    expect(await quickest(IDLE_GONE_MS, leaving)).toBeLessThan(IDLE_GONE_MS);
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
    const leaving = async () => {
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
      const took = performance.now() - at;
      expect((await answer).statusCode).toBe(503);
      await api.stop();
      await listen();
      return took;
    };
    expect(await quickest(STOP_MAX_MS, leaving)).toBeLessThan(STOP_MAX_MS);
  });

  it.each(['on a new connection', 'on a kept one'])(
    'answers what comes %s while it is too busy to see it, in the moment of the cut',
    async (on) => {
      const client = await startClientThread(url);
      if (on === 'on a kept one') expect(await client.send()).toBe('200');
      const stopped = drain.stop();
      // From here to the end of the notice the process sees nothing: what the client sends lies with the operating system.
      const answer = client.send();
      client.blockUntilSent(NOTICE_MS * 2);
      expect(await answer).toBe('200');
      await stopped;
      await client.end();
    },
  );

  it('says goodbye to those who watch', async () => {
    const feed = await openFeed(url);
    await drain.stop();
    expect(feed.frames.at(-1)).toMatchObject({ type: 'shutdown' });
    expect((await feed.closed).code).toBe(1001);
  });
});
