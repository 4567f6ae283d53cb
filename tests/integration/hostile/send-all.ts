// tests/integration/hostile/send-all.ts: sends the requests of every-request.ts at once, and tells how each was answered, and after how long.

import { openFeed } from '../../support/stack/service/feed-client.ts';
import type { Expected, Row } from './every-request.ts';

export interface Answered {
  row: Row;
  /** The code of a problem, else the status. */
  result: string | number;
  status: number;
  body: Record<string, unknown>;
  retryAfter: string | null;
  tookMs: number;
}

export const nameOf = ({ operation, what, method, path }: Row): string => `${operation}, ${what}: ${method} ${path}`;
export const isExpected = (result: string | number, expected: Expected): boolean => expected.includes(result);

export const send = async (url: string, authorization: string, row: Row): Promise<Answered> => {
  const startedAt = performance.now();
  const answered = (status: number, body: Record<string, unknown> = {}, retryAfter: string | null = null): Answered => {
    const isProblem = status >= 400 && typeof body.code === 'string';
    return { row, status, body, retryAfter, result: isProblem ? String(body.code) : status, tookMs: performance.now() - startedAt };
  };
  if (row.operation === 'watchOrders') {
    const feed = await openFeed(url, row.path, { authorization });
    feed.socket.terminate();
    return answered(feed.frames[0]?.type === 'subscribed' ? 101 : 0);
  }
  const { body } = row;
  const response = await fetch(`${url}${row.path}`, {
    method: row.method,
    headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...row.headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json(;|$)/.test(response.headers.get('content-type') ?? '') && text.startsWith('{') && !text.includes('\n{');
  return answered(response.status, isJson ? (JSON.parse(text) as Record<string, unknown>) : {}, response.headers.get('retry-after'));
};

export const sendAll = (url: string, authorization: string, rows: readonly Row[]): Promise<Answered[]> =>
  Promise.all(rows.map((row) => send(url, authorization, row)));
