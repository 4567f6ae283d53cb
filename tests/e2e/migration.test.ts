// Every row of docs/migration.md: what the old services were asked has its working counterpart here. The table is the test's input,
// so a row that is wrong fails and a row that is missing is not promised.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Service, startService } from '../support/stack/service/service.ts';

interface Row {
  service: string;
  was: string;
  method: string;
  path: string;
  body: string | null;
  status: number;
  fields: string[];
}

const span = (cell: string): string | null => /^`([^`]+)`/.exec(cell)?.[1] ?? null;

const readRows = (): Row[] => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/migration.md'), 'utf8');
  return text.split('\n## ').flatMap((section) => {
    const service = section.split('\n', 1)[0]!;
    const lines = section.split('\n').filter((line) => /^\| .* \| `(?:GET|POST|PUT|DELETE) /.test(line));
    return lines.map((line) => {
      const cells = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      const [was, now, body, status, fields] = cells as [string, string, string, string, string];
      const [method, path] = span(now)!.split(' ') as [string, string];
      return {
        service,
        was,
        method,
        path,
        body: span(body),
        status: Number(status),
        fields: [...fields.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
      };
    });
  });
};
const rows = readRows();

let service: Service;
beforeAll(async () => {
  // Long enough that an order is still open when its row asks for a change of it.
  service = await startService({ PROCESSING_TIME_MS: '1500', PROCESSOR_CONCURRENCY: '1' });
});
afterAll(() => service.stop());

const send = async (method: string, path: string, body: string | null) => {
  const headers: Record<string, string> = { accept: 'application/json', ...(body === null ? {} : { 'content-type': 'application/json' }) };
  const response = await fetch(`${service.roles.api.url}${path}`, { method, headers, body });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
};

/** The ids that the rows before have made; an order that is still waiting for its turn, where one is to be changed. */
const ids = { order: '', product: '', user: '' };
const newOrder = async (items: object): Promise<string> =>
  (await send('POST', '/orders', JSON.stringify({ user_id: 1, ...items }))).body.order_id as string;

describe('what the old services were asked', () => {
  it('is listed for all five', () => {
    const services = ['Gin and MySQL', 'FastAPI', 'Flask', 'FastAPI, PostgreSQL and Redis', 'Go microservices'];
    expect([...new Set(rows.map((row) => row.service))]).toEqual(services);
    expect(rows.length).toBeGreaterThan(30);
  });

  it.each(rows.map((row) => [row.service, row.was, row] as const))('%s: %s', async (_service, _was, row) => {
    const changesAnOrder = row.method !== 'GET' && row.path.includes('{order}');
    if (changesAnOrder || ids.order === '') ids.order = await newOrder({ item_ids: [1], total_amount: 1 });
    const path = row.path.replace(/\{(order|product|user)\}/, (_, name: keyof typeof ids) => ids[name]);
    const { status, body } = await send(row.method, path, row.body);
    expect(status, JSON.stringify(body)).toBe(row.status);
    expect(Object.keys(body)).toEqual(expect.arrayContaining(row.fields));
    if (status === 201) {
      if (typeof body.order_id === 'string') ids.order = body.order_id;
      if (typeof body.product_id === 'string') ids.product = body.product_id;
      if (typeof body.user_id === 'string') ids.user = body.user_id;
    }
  });

  it('1,000 submissions at once are all taken, with default settings', async () => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => send('POST', '/orders', JSON.stringify({ user_id: n, item_ids: '1,2', total_amount: 3 }))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.order_id)).size).toBe(1_000);
  });
});
