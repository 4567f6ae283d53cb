// The examples of the README and of docs/examples.md, pasted twice into a shell.
// Each block ends well, and prints what stands below it. The requests of requests.http, sent one after the other.

import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uniqueName } from '../support/builders/unique-name.ts';
import { patience } from '../support/machine.ts';
import { REMOTE_URL } from '../support/stack/remote-url.ts';
import { type Service, startService } from '../support/stack/service/service.ts';

const ROOT = join(import.meta.dirname, '../..');
const BLOCK = /(?<slow><!-- slow -->\n)?```sh\n(?<commands>(?:(?!```)[\s\S])*?)```\n(?:```json\n(?<printed>[\s\S]*?)```)?/g;
/** Of a block that waits, for a step of an order or for the projector. */
const BLOCK_LIMIT_MS = 20_000;

interface Block {
  name: string;
  commands: string;
  /** What stands below it; empty where nothing does. */
  printed: unknown[];
  /** It needs the service that its text asks for, where an order stays pending. */
  slow: boolean;
}

const linesOf = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

const blocksOf = (path: string): Block[] => {
  const document = readFileSync(join(ROOT, path), 'utf8');
  const found = [...document.matchAll(BLOCK)].filter(({ groups }) => groups!.commands!.includes('http://127.0.0.1:8080'));
  return found.map(({ groups, index }) => ({
    name: `${path}:${document.slice(0, index).split('\n').length}`,
    commands: groups!.commands!,
    printed: linesOf(groups!.printed ?? ''),
    slow: groups!.slow !== undefined,
  }));
};
const blocks = ['README.md', 'docs/examples.md'].flatMap(blocksOf);

let service: Service;
let slow: Service | null = null;
const folder = mkdtempSync(join(tmpdir(), 'order-service-examples-'));
beforeAll(async () => {
  // The default, longer where curl itself takes longer.
  service = await startService({ PROCESSING_TIME_MS: String(patience(2_000)) });
  if (REMOTE_URL === undefined) slow = await startService({ PROCESSOR_CONCURRENCY: '1', PROCESSING_TIME_MS: String(patience(5_000)) });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await Promise.all([service.stop(), slow?.stop()]);
});

const paste = (commands: string): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const options = { cwd: folder, timeout: patience(BLOCK_LIMIT_MS) };
    execFile('/bin/sh', ['-c', commands], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });

/** Ids, times and durations are new in each run; what they stand for is the same. */
const comparable = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (name, each) => {
    if (typeof each === 'string' && /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|k_[\w-]{43})$/.test(each)) return 'an id';
    if (typeof each === 'string' && /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(each)) return 'a time';
    if (name === 'batch_id' && each !== null) return 'a batch';
    return name.endsWith('_duration') && each !== null ? 'a duration' : each;
  });

describe.skipIf(spawnSync('curl', ['--version']).error)('the examples', () => {
  it('are found, and most say what they print', () => {
    expect(blocks.length).toBeGreaterThan(9);
    expect(blocks.filter(({ printed }) => printed.length > 0).length).toBeGreaterThan(7);
    expect(blocks.filter((block) => block.slow)).toHaveLength(1);
  });

  it.each([1, 2].flatMap((time) => blocks.map((block) => [block.name, time, block] as const)))(
    '%s, pasted time %i',
    async (_name, _time, block) => {
      const { url } = block.slow && slow !== null ? slow.roles.api : service.roles.api;
      if (block.slow && slow === null) return; // a service elsewhere has its own settings
      const { code, stdout, stderr } = await paste(block.commands.replaceAll('http://127.0.0.1:8080', url));
      expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
      if (block.printed.length > 0) expect(comparable(linesOf(stdout))).toEqual(comparable(block.printed));
      else expect(stdout).not.toMatch(/"status":[45]\d\d/);
    },
  );
});

describe('requests.http', () => {
  const unique = uniqueName('r').slice(0, 40);
  const requests = readFileSync(join(ROOT, 'requests.http'), 'utf8').split(/^### /m).slice(1);

  it.each(requests.map((text) => [text.split('\n', 1)[0]!, text] as const))('%s', async (title, text) => {
    const filled = text
      .replaceAll('{{host}}', service.roles.api.url)
      .replaceAll('{{order_id}}', `o-${unique}`)
      .replaceAll('{{product_id}}', `p-${unique}`);
    const [head, ...rest] = filled.split('\n').slice(1).join('\n').trim().split('\n\n');
    const [line, ...headers] = head!.split('\n');
    const [method, url] = line!.split(' ') as [string, string];
    if (method === 'WEBSOCKET') return expect(url).toBe('ws://127.0.0.1:8080/feed'); // orders.test.ts watches it
    const body = rest.length === 0 ? null : rest.join('\n\n');
    const answer = await fetch(url, { method, body, headers: headers.map((header) => header.split(': ') as [string, string]) });
    const named = (title.match(/\b4\d\d\b/g) ?? []).map(Number);
    expect([200, 201, ...named], await answer.text()).toContain(answer.status);
  });
});
