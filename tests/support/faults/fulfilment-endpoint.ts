// tests/support/faults/fulfilment-endpoint.ts: an endpoint that fulfils orders over HTTP, behaves badly as it is told, and counts.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A status to answer with; `accepts`: 202 with this in its body, and no work done yet; `hold`: 200, once it is released; `hang`: do the work, but never answer; `away`: break the connection. */
export type Behaviour = number | 'hold' | 'hang' | 'away' | { accepts: object };

export interface FulfilmentEndpoint {
  url: string;
  /** What is done with the order from now on; 200 for those that nobody said anything about. */
  behave: (how: (orderId: string, call: number) => Behaviour) => void;
  /** Answers the order that is held. */
  release: (orderId: string) => void;
  /** How often the order was asked for. */
  calls: (orderId: string) => number;
  /** How often its work was done: once per key, as the header asks. */
  done: (orderId: string) => number;
  /** Bodies whose order_id was not the key. Always empty. */
  mistaken: () => readonly string[];
  stop: () => void;
}

export const startFulfilmentEndpoint = async (): Promise<FulfilmentEndpoint> => {
  const calls = new Map<string, number>();
  const done = new Map<string, number>();
  const mistaken: string[] = [];
  const held = new Map<string, ServerResponse>();
  let how: (orderId: string, call: number) => Behaviour = () => 200;

  const answer = (key: string, body: string, response: ServerResponse): void => {
    const call = (calls.get(key) ?? 0) + 1;
    calls.set(key, call);
    if ((JSON.parse(body) as { order_id: string }).order_id !== key) mistaken.push(body);
    const behaviour = how(key, call);
    if (behaviour === 'away') return void response.destroy();
    if (behaviour === 'hold') return void held.set(key, response);
    if (typeof behaviour === 'object') {
      response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify(behaviour.accepts));
      return;
    }
    const worked = behaviour === 'hang' || (behaviour >= 200 && behaviour < 300);
    if (worked && !done.has(key)) done.set(key, 1);
    if (behaviour !== 'hang') response.writeHead(behaviour).end();
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => answer(String(request.headers['idempotency-key']), body, response));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/fulfil`,
    behave: (next) => {
      how = next;
    },
    release: (orderId) => {
      done.set(orderId, 1);
      held.get(orderId)?.writeHead(200).end();
      held.delete(orderId);
    },
    calls: (orderId) => calls.get(orderId) ?? 0,
    done: (orderId) => done.get(orderId) ?? 0,
    mistaken: () => mistaken,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
