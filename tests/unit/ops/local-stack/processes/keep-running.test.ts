import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commandLineOf } from '../../../../../ops/local-stack/command-line.ts';
import { type KeptProcess, keepRunning, type ProcessSpec, restartDelayMs } from '../../../../../ops/local-stack/processes/keep-running.ts';
import { stopInOrder } from '../../../../../ops/local-stack/processes/stop-in-order.ts';
import { roleSpec } from '../../../../../ops/local-stack/role.ts';
import { eventually } from '../../../../support/eventually.ts';

const RUNS_ON = 'setInterval(() => {}, 1000);';

let folder: string;
let lines: string[];
let said: string[];
let kept: KeptProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keep-running-'));
  lines = [];
  said = [];
  kept = [];
});
afterEach(async () => {
  for (const process of kept) process.kill();
  await Promise.all(kept.map((process) => process.stop()));
  await rm(folder, { recursive: true });
});

const keep = async (name: string, source: string, spec: Partial<ProcessSpec> = {}): Promise<KeptProcess> => {
  const script = join(folder, `${name}.mjs`);
  await writeFile(script, source);
  const keptProcess = keepRunning(
    {
      name,
      port: 0,
      command: process.execPath,
      args: [script],
      env: {},
      cwd: folder,
      stopSignal: 'SIGTERM',
      marker: script,
      isReady: async () => lines.includes(`${name}: ready`),
      ...spec,
    },
    { onChange: () => {}, onLine: (of, line) => lines.push(`${of}: ${line}`), say: (sentence) => said.push(sentence) },
  );
  kept.push(keptProcess);
  return keptProcess;
};

describe('keeping a process running', () => {
  test('the first restart is immediate, later ones slow down to one in five seconds', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 50].map(restartDelayMs)).toEqual([0, 250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  test('starts a killed process again within 2 s, under a new id', async () => {
    const api = await keep('api', `console.log('ready'); ${RUNS_ON}`);
    api.start();
    await api.untilReady({ limitMs: 10_000, orEnds: true });
    const before = api.pid()!;
    process.kill(before, 'SIGKILL');
    const after = await eventually(() => api.pid() !== before && api.pid(), { what: 'a new process', timeoutMs: 2_000 });
    expect(commandLineOf(after)).toContain('api.mjs');
    expect(said).toEqual(['api ended (SIGKILL); starting it again at once']);
  });

  test('a process that cannot be started at all is tried again too', async () => {
    const api = await keep('api', '', { command: join(folder, 'no-such-program') });
    api.start();
    await eventually(() => said.length >= 2, { what: 'a second attempt' });
    expect(said[0]).toContain('ENOENT');
    expect(said[1]).toContain('in 250 ms');
  });

  test('a role whose configuration is refused is not started again, and its one sentence is handed on', async () => {
    const refusal = { level: 60, role: 'processor', code: 'CONFIG_INVALID', msg: 'PROCESSOR_CONCURRENCY must be <= 1000000.' };
    const source = `console.log(${JSON.stringify(JSON.stringify(refusal))}); process.exitCode = 78;`;
    const { refusal: ofRoles } = roleSpec({ name: 'processor', script: '', port: 0 }, { env: {}, cwd: folder });
    const processor = await keep('processor', source, { refusal: ofRoles });
    processor.start();
    await expect(processor.untilReady({ limitMs: 10_000, orEnds: false })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `processor: ${refusal.msg}`,
    });
    expect(said).toEqual([`processor is not started again: ${refusal.msg}`]);
    expect(lines).toEqual([]);
    expect(processor.pid()).toBeNull();
  });

  test('any other end is followed by a start, whatever was said before it', async () => {
    const line = JSON.stringify({ level: 60, code: 'LOG_UNAVAILABLE', msg: 'Kafka was not ready.' });
    const { refusal } = roleSpec({ name: 'processor', script: '', port: 0 }, { env: {}, cwd: folder });
    const processor = await keep('processor', `console.log(${JSON.stringify(line)}); process.exitCode = 1;`, { refusal });
    processor.start();
    await eventually(() => said.length >= 2, { what: 'two restarts' });
    expect(said[0]).toBe('processor ended (exit code 1); starting it again at once');
    expect(lines[0]).toBe(`processor: ${line}`);
  });

  test('hands on every line of stdout and stderr with the name', async () => {
    const api = await keep('api', `console.log('out'); console.error('err'); console.log('ready'); ${RUNS_ON}`);
    api.start();
    await eventually(() => lines.length >= 3, { what: 'three lines' });
    expect(lines.toSorted()).toEqual(['api: err', 'api: out', 'api: ready']);
  });

  test('a start that ends says why, from what the process wrote since', async () => {
    const logFile = join(folder, 'broker.log');
    await writeFile(logFile, 'ERROR of a former run\n');
    const source = `import { appendFileSync } from 'node:fs'; appendFileSync(${JSON.stringify(logFile)}, 'disk is full\\n'); process.exit(3);`;
    const broker = await keep('broker', source, { logFile });
    broker.start();
    await expect(broker.untilReady({ limitMs: 10_000, orEnds: true })).rejects.toThrow(
      'broker ended while it was starting: disk is full (more in',
    );
  });

  test('stops in order: a later group hears of it only when the earlier has ended', async () => {
    const slowEnd = `process.on('SIGTERM', () => setTimeout(() => { console.log('ended'); process.exit(0); }, 300)); console.log('ready'); ${RUNS_ON}`;
    const role = await keep('role', slowEnd);
    const database = await keep(
      'database',
      `process.on('SIGTERM', () => { console.log('told'); process.exit(0); }); console.log('ready'); ${RUNS_ON}`,
    );
    for (const process of kept) process.start();
    for (const process of kept) await process.untilReady({ limitMs: 10_000, orEnds: true });
    await stopInOrder([[role], [database]]);
    await eventually(() => lines.length >= 4, { what: 'all output' });
    expect(lines.slice(-2)).toEqual(['role: ended', 'database: told']);
    expect([role.pid(), database.pid()]).toEqual([null, null]);
  });

  test('everything has ended within 5 s, also what ignores the signal', async () => {
    const deaf = await keep('deaf', `process.on('SIGTERM', () => console.log('heard')); console.log('ready'); ${RUNS_ON}`);
    const second = await keep('second', `console.log('ready'); ${RUNS_ON}`);
    for (const process of kept) process.start();
    for (const process of kept) await process.untilReady({ limitMs: 10_000, orEnds: true });
    const pids = kept.map((process) => process.pid()!);
    const startedAt = Date.now();
    await stopInOrder([[deaf], [second]]);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    expect(pids.map(commandLineOf)).toEqual([null, null]);
    expect(said).toEqual([]);
  });
});
