// Every row of docs/migration.md: what the old services were asked has its working counterpart here.
// The tables are the test's input, so a row that is wrong fails and a row that is missing is not promised.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Service, startService } from '../support/stack/service/service.ts';

interface Row {
  service: string;
  was: string;
  method: string;
  path: string;
  accept: string;
  body: string | null;
  status: number;
  fields: string[];
}

const span = (cell: string): string | null => /^`([^`]+)`/.exec(cell)?.[1] ?? null;
const spans = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

const document = readFileSync(join(import.meta.dirname, '../../docs/migration.md'), 'utf8');
const sections = document
  .split('\n## ')
  .slice(1)
  .map((section) => ({ service: section.split('\n', 1)[0]!, lines: section.split('\n').filter((line) => line.startsWith('| ')) }));

const rowOf = (service: string, cells: string[]): Row => {
  const [was, now, body, status, fields] = cells as [string, string, string, string, string];
  const [method, path] = span(now)!.split(' ') as [string, string];
  const accept = /`Accept: ([^`]+)`/.exec(now)?.[1] ?? '*/*';
  return { service, was, method, path, accept, body: span(body), status: Number(status), fields: spans(fields) };
};
const rows = sections.flatMap(({ service, lines }) =>
  lines.filter((line) => /^\| .* \| `(?:GET|POST|PUT|DELETE) /.test(line)).map((line) => rowOf(service, cellsOf(line))),
);
/** What a service called its fields, and what they are called here. */
const renamings = sections.flatMap(({ service, lines }) =>
  lines
    .map(cellsOf)
    .filter((cells) => cells.length === 2 && cells[0] !== 'there')
    .map(([there, here]) => ({ service, there: there!, fields: spans(here!) })),
);

let service: Service;
beforeAll(async () => {
  // Long enough that an order is still open when its row asks for a change of it.
  service = await startService({ PROCESSING_TIME_MS: '1500', PROCESSOR_CONCURRENCY: '1' });
});
afterAll(() => service.stop());

const send = async (method: string, path: string, body: string | null, accept = '*/*') => {
  const headers: Record<string, string> = { accept, ...(body === null ? {} : { 'content-type': 'application/json' }) };
  const response = await fetch(`${service.roles.api.url}${path}`, { method, headers, body });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
};

/** The ids that the rows before have made; an order that is still waiting for its turn, where one is to be changed. */
const ids = { order: '', product: '', user: '', batch: '' };
const newOrder = async (items: object): Promise<string> =>
  (await send('POST', '/orders', JSON.stringify({ user_id: 1, ...items }))).body.order_id as string;

/** What was sent and answered for each service: names of fields, and those below them as `orders.pending`. */
const seen = new Map<string, Set<string>>();
const remember = (service: string, value: unknown, path: string[] = []): void => {
  if (Array.isArray(value)) for (const each of value) remember(service, each, path);
  else if (typeof value === 'object' && value !== null) {
    const names = seen.get(service) ?? new Set<string>();
    seen.set(service, names);
    for (const [name, each] of Object.entries(value)) {
      names.add(name).add([...path, name].join('.'));
      remember(service, each, [...path, name]);
    }
  }
};

describe('what the old services were asked', () => {
  it('is listed for all five', () => {
    const services = ['Gin and MySQL', 'FastAPI', 'Flask', 'FastAPI, PostgreSQL and Redis', 'Go microservices'];
    expect([...new Set(rows.map((row) => row.service))]).toEqual(services);
    expect(rows.length).toBeGreaterThan(30);
  });

  it.each(rows.map((row) => [row.service, row.was, row] as const))('%s: %s', async (_service, _was, row) => {
    const changesAnOrder = row.method !== 'GET' && row.path.includes('{order}');
    if (changesAnOrder || ids.order === '') ids.order = await newOrder({ item_ids: [1], total_amount: 1 });
    const fill = (text: string): string => text.replace(/\{(order|product|user|batch)\}/, (_, name: keyof typeof ids) => ids[name]);
    const sent = row.body === null ? null : fill(row.body);
    const { status, body } = await send(row.method, fill(row.path), sent, row.accept);
    expect(status, JSON.stringify(body)).toBe(row.status);
    expect(Object.keys(body)).toEqual(expect.arrayContaining(row.fields));
    remember(row.service, [JSON.parse(sent ?? '{}'), body, Object.fromEntries(new URL(row.path, 'http://here').searchParams)]);
    if (status < 300 && row.method === 'POST') {
      if (typeof body.order_id === 'string') ids.order = body.order_id;
      if (typeof body.batch_id === 'string') ids.batch = body.batch_id;
      if (typeof body.product_id === 'string') ids.product = body.product_id;
      if (typeof body.user_id === 'string') ids.user = body.user_id;
    }
  });

  it.each(renamings)('$service: $there', ({ service, fields }) => {
    expect(fields.filter((name) => !seen.get(service)!.has(name))).toEqual([]);
  });

  it('1,000 submissions at once are all taken, with default settings', async () => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => send('POST', '/orders', JSON.stringify({ user_id: n, item_ids: '1,2', total_amount: 3 }))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.order_id)).size).toBe(1_000);
  });
});
