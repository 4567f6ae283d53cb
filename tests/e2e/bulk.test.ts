// Bulk on real processes.
// 100,000 orders in one call while others submit theirs, an import that is broken off by a crash and sent again, and exports of what came of
// it.

import { existsSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { REMOTE_URL } from '../support/stack/remote-url.ts';
import { type Service, startService } from '../support/stack/service/service.ts';

// Against a service beside all its containers a fifth shows the same.
const ENTRIES = REMOTE_URL === undefined ? 100_000 : 20_000;
// The tail keeps what is open, some 2 KB an order, at most half of OPEN_ORDERS_MAX of it; the rest is the process.
const API_MEMORY_MAX_MB = 700;
const LINES = 5_000;

let service: Service;
beforeAll(async () => {
  service = await startService({ PROCESSING_TIME_MS: '0', LOG_LEVEL: 'info' });
});
afterAll(() => service.stop());

const memoryPeakMb = (pid: number): number => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
const populate = (body: object) => service.post(body, {}, '/orders/populate');
const exportOf = async (query: string): Promise<string> => {
  const response = await fetch(`${service.roles.api.url}/orders/export?${query}`);
  expect(response.status).toBe(200);
  return text(response.body!);
};

describe('a batch of 100,000', () => {
  let batchId: string;

  it('is made in one call, within bounded memory, while single orders are taken as ever', async () => {
    const { pid } = service.roles.api;
    let running = true;
    const began = performance.now();
    const batch = populate({ total_entries: ENTRIES }).finally(() => {
      running = false;
    });
    const waits: number[] = [];
    for (let n = 0; running; n += 1) {
      const startedAt = performance.now();
      expect((await service.post({ user_id: `single-${n % 10}`, item_ids: [n], total_amount: 1 })).status).toBe(201);
      waits.push(performance.now() - startedAt);
    }
    const { status, body } = await batch;
    expect(status).toBe(201);
    batchId = body.batch_id as string;
    expect(body).toEqual({ batch_id: batchId, total_entries: ENTRIES, success_count: ENTRIES, failure_count: 0, errors: [] });
    expect(waits.length).toBeGreaterThan(20);
    // On any machine: most of them wait for a small part of what the batch takes.
    expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan((performance.now() - began) / 20);
    if (REMOTE_URL !== undefined) return; // its process and its output are out of reach
    if (existsSync('/proc')) expect(memoryPeakMb(pid)).toBeLessThan(API_MEMORY_MAX_MB);
    expect(service.roles.api.output()).toMatch(/"done":\d+.*"populating"/);
  }, 180_000);

  it('is completed, listed and exported by its batch_id: every order once', async () => {
    await eventually(
      async () => (await service.get(`/orders?batch_id=${batchId}&status=pending,processing&limit=1`)).body.next_cursor === null,
      {
        what: 'nothing of the batch to be open',
        timeoutMs: 120_000,
      },
    );
    const ids = (await exportOf(`batch_id=${batchId}`))
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).order_id);
    expect(ids).toHaveLength(ENTRIES);
    expect(new Set(ids).size).toBe(ENTRIES);
    const csv = await exportOf(`batch_id=${batchId}&format=csv&sort=created_at`);
    expect(csv.split('\r\n')).toHaveLength(ENTRIES + 2);
    expect(csv.slice(csv.indexOf('\r\n') + 2).split(',', 1)[0]).toBe(ids.at(-1));
  }, 180_000);

  it('doubles nothing when it is asked for again', async () => {
    const before = (await service.get('/orders/metrics')).body;
    expect((await populate({ total_entries: ENTRIES, batch_id: batchId })).body).toMatchObject({
      success_count: ENTRIES,
      failure_count: 0,
    });
    const after = (await service.get('/orders/metrics')).body;
    expect(after).toEqual({ ...before, as_of: after.as_of });
  }, 120_000);
});

describe('an import', () => {
  const lines = Array.from({ length: LINES }, (_, n) =>
    JSON.stringify({ idempotency_key: `import-${n}`, user_id: 'importer', item_ids: [n], total_amount: n }),
  );
  /** Sends all lines; how many results came before the connection broke, if it did. */
  const send = async (onResults: (count: number) => void = () => {}): Promise<{ results: string; broken: boolean }> => {
    let results = '';
    try {
      const headers = { 'content-type': 'application/x-ndjson' };
      const response = await fetch(`${service.roles.api.url}/orders/import`, { method: 'POST', headers, body: `${lines.join('\n')}\n` });
      for await (const chunk of response.body!) {
        results += Buffer.from(chunk).toString();
        onResults(results.split('\n').length - 1);
      }
      return { results, broken: false };
    } catch {
      return { results, broken: true };
    }
  };

  it.skipIf(REMOTE_URL)(
    'that a crash broke off makes every order once when it is sent again',
    async () => {
      const { api } = service.roles;
      const first = await send((count) => {
        if (count > LINES / 10) api.kill('SIGKILL');
      });
      expect(first.broken).toBe(true);
      await api.exited;
      service.roles.api = await service.start('api');

      const second = await send();
      expect(second.broken).toBe(false);
      const results = second.results
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { line: number; status: number; order_id: string });
      expect(results.map(({ line, status }) => [line, status])).toEqual(lines.map((_, index) => [index + 1, 201]));
      const known = first.results
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      expect(results.slice(0, known.length)).toEqual(known);

      const imported = async () => (await exportOf('user_id=importer&status=completed')).split('\n').length - 1;
      await eventually(async () => (await imported()) === LINES, { what: 'every imported order to be completed', timeoutMs: 60_000 });
      expect(new Set(results.map(({ order_id }) => order_id)).size).toBe(LINES);
      expect((await exportOf('user_id=importer')).split('\n').length - 1).toBe(LINES);
    },
    120_000,
  );
});
