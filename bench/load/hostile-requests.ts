// bench/load/hostile-requests.ts: requests that want to keep the event loop busy: bodies of a mebibyte, bodies as long as their route takes,
// lines, parameters.

import { BODY_BYTES_MAX } from '../../api/access/operations.ts';

const MEBIBYTE = 1_048_576;

const list = (count: number, make: (n: number) => string, separator = ','): string =>
  Array.from({ length: Math.floor(count) }, (_, n) => make(n)).join(separator);

/** About as many bytes. */
const SHAPES: Readonly<Record<string, (bytes: number) => string>> = {
  brackets: (bytes) => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2),
  'new keys': (bytes) => `{${list(bytes / 14, (n) => `"key${n}":1`)}}`,
  'wrong items': (bytes) => `{"items":[${list(bytes / 3 - 4, () => '{}')}]}`,
  escapes: (bytes) => `{"user_id":"${list(bytes / 6 - 3, () => '\\u0041', '')}"}`,
};

const request = (line: string, headers: string, body = ''): Buffer =>
  Buffer.from(`${line} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n${headers}\r\n\r\n${body}`);
const post = (path: string, type: string, body: string): Buffer =>
  request(`POST ${path}`, `content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}`, body);

const bodies = (path: string, bytes: number): [string, Buffer][] =>
  Object.entries(SHAPES).map(([shape, make]) => [
    `${shape}, ${Math.round(bytes / 1_024)} KiB to ${path}`,
    post(path, 'application/json', make(bytes)),
  ]);
const lines = (bytes: number): Buffer => {
  const all = Object.values(SHAPES).map((make) => make(bytes));
  return post('/orders/import', 'application/x-ndjson', `${all.join('\n')}\n`);
};

/** By what they are. */
export const hostileRequests = (): [what: string, request: Buffer][] => [
  ...bodies('/orders', MEBIBYTE),
  ...bodies('/orders', BODY_BYTES_MAX.order),
  ...bodies('/auth', MEBIBYTE),
  ['four such lines of 1,024 KiB', lines(MEBIBYTE)],
  ['four such lines of 64 KiB', lines(BODY_BYTES_MAX.order - 64)],
  ['2,000 parameters', request(`GET /orders?${list(2_000, (n) => `p${n}`, '&')}`, 'accept: */*')],
  ['2,000 accepted types', request('GET /orders', `accept: ${list(2_000, (n) => `a/${n}`)}`)],
];
