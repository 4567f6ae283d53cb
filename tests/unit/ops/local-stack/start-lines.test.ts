// What `npm start` prints of its parts.
// Until all are up what each waits for and what goes wrong, afterwards every line, readable.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRoleLines, sayWaits, WAITS_FOR } from '../../../../ops/local-stack/start-lines.ts';

const logLine = (level: number, msg: string, more: object = {}) =>
  JSON.stringify({ level, time: '2026-11-21T05:59:24.286Z', role: 'api', pid: 7, ...more, msg });

const printed: string[] = [];
const print = (name: string, line: string) => void printed.push(`${name}| ${line}`);
afterEach(() => {
  printed.length = 0;
  vi.useRealTimers();
});

describe('the lines of the roles', () => {
  const info = logLine(30, 'waiting for Kafka', { reason: 'This server does not host this topic-partition' });
  const warning = logLine(40, 'fetching failed; trying again');

  it('are held back until everything is up, but for warnings and what is not a log line', () => {
    const lines = createRoleLines(print, { everything: false });
    for (const line of [info, warning, 'AppError: a crash', '{ not JSON']) lines.onLine('api', line);
    expect(printed).toEqual([
      expect.stringMatching(/^api\| \[.*\] WARN: fetching failed; trying again$/),
      'api| AppError: a crash',
      'api| { not JSON',
    ]);
  });

  it('are all shown afterwards, as sentences', () => {
    const lines = createRoleLines(print, { everything: false });
    lines.up();
    lines.onLine('api', info);
    expect(printed).toEqual([expect.stringMatching(/^api\| \[.*\] INFO: waiting for Kafka \{"reason":"This server .*"\}$/)]);
  });

  it('are all shown from the start with LOG_LEVEL=debug', () => {
    createRoleLines(print, { everything: true }).onLine('api', info);
    expect(printed).toHaveLength(1);
  });

  it('are introduced by a line for each role that says what it waits for', () => {
    for (const sentence of Object.values(WAITS_FOR)) expect(sentence).toMatch(/^waits for /);
  });
});

describe('a part that is not ready for long', () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });
  const answering = async (checks: object): Promise<string> => {
    const server = createServer((_, response) => response.writeHead(503).end(JSON.stringify({ checks })));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const rounds = async (count: number): Promise<void> => {
    for (let round = 0; round < count; round++) {
      const before = printed.length;
      await vi.advanceTimersByTimeAsync(10_000);
      if (round === 0) await vi.waitFor(() => expect(printed.length).toBeGreaterThan(before));
    }
  };

  it('says why, each reason once: by its checks, else by the last line that it wrote', async () => {
    const url = await answering({
      log: { ok: true },
      caught_up: { ok: false, detail: 'still projecting what was in the log at the start' },
    });
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const stopped = new AbortController();
    const say = (sentence: string, part: string) => print(part, sentence);
    sayWaits([{ name: 'projector', url, lastLine: () => null }], say, stopped.signal);
    await rounds(3);
    sayWaits(
      [{ name: 'api', url: 'http://127.0.0.1:1', lastLine: () => logLine(30, 'waiting for Kafka', { reason: 'no leader' }) }],
      say,
      stopped.signal,
    );
    await rounds(3);
    stopped.abort();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(printed).toEqual([
      'projector| still waits: still projecting what was in the log at the start',
      'api| still waits: waiting for Kafka (no leader)',
    ]);
  });
});
