// tests/oracle/http.ts: one HTTP request over a bounded number of kept connections, and what can be known about it afterwards.

import { Agent, type IncomingMessage, request } from 'node:http';

export interface Sent {
  /** `unsent`: nobody took the connection, so certainly nothing has happened. `silent`: it broke off, or no answer came in time. */
  result: 'answered' | 'unsent' | 'silent';
  status: number;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

export interface HttpClient {
  send: (url: string, init: { method: string; headers?: Record<string, string>; body?: unknown }) => Promise<Sent>;
  close: () => void;
}

// Above what an api takes to say that it does not know: 5 s for the append, 5 s for the verdict or the processor's answer.
const ANSWER_LIMIT_MS = 15_000;

// A connection that rested for longer is not used again: its server may be closing it just then (an api that stops does so after
// 750 ms), and nobody can tell what became of a request that was sent into that.
const REST_MAX_MS = 250;

export const createHttpClient = (connections: number): HttpClient => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const restingSince = new WeakMap<object, number>();
  agent.on('free', (socket) => restingSince.set(socket, performance.now()));
  const dropRested = (): void => {
    for (const socket of Object.values(agent.freeSockets).flat()) {
      if (socket && performance.now() - (restingSince.get(socket) ?? 0) > REST_MAX_MS) socket.destroy();
    }
  };
  const send: HttpClient['send'] = (url, { method, headers = {}, body }) =>
    new Promise((resolve) => {
      dropRested();
      const nothing = (result: 'unsent' | 'silent'): void => resolve({ result, status: 0, headers: {}, body: {} });
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const all = payload === undefined ? headers : { 'content-type': 'application/json', ...headers };
      const sending = request(url, { method, agent, headers: all, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => nothing('silent'));
        response.on('close', () => {
          if (!response.complete) return nothing('silent');
          const answer = parsed(Buffer.concat(chunks).toString());
          resolve({ result: 'answered', status: response.statusCode!, headers: response.headers, body: answer });
        });
      });
      sending.on('error', (error: NodeJS.ErrnoException) => nothing(error.code === 'ECONNREFUSED' ? 'unsent' : 'silent'));
      sending.end(payload);
    });
  return { send, close: () => agent.destroy() };
};

const parsed = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
};
