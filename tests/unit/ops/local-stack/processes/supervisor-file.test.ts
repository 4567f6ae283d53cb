import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commandLineOf } from '../../../../../ops/local-stack/command-line.ts';
import { claimFolder, replaceFile } from '../../../../../ops/local-stack/processes/supervisor-file.ts';
import { eventually } from '../../../../support/eventually.ts';

let folder: string;
let script: string;
let children: ChildProcess[];
let said: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'supervisor-file-'));
  script = join(folder, 'runs-on.mjs');
  await writeFile(script, 'setInterval(() => {}, 1000);');
  children = [];
  said = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

const say = (sentence: string) => void said.push(sentence);

const running = async (): Promise<number> => {
  const child = spawn(process.execPath, [script], { stdio: 'ignore' });
  children.push(child);
  await eventually(() => commandLineOf(child.pid!)?.includes(script), { what: 'the process to run' });
  return child.pid!;
};

const supervisedBy = (pid: number, commandLine: string | null, processes: object[] = []) =>
  writeFileSync(join(folder, 'supervisor.json'), JSON.stringify({ pid, commandLine, processes }));

describe('one supervisor per folder', () => {
  test('refuses while another one runs there, and leaves its file alone', async () => {
    const pid = await running();
    supervisedBy(pid, commandLineOf(pid));
    const before = readFileSync(join(folder, 'supervisor.json'), 'utf8');
    await expect(claimFolder(folder, say)).rejects.toThrow(`The stack runs already here (process ${pid})`);
    expect(readFileSync(join(folder, 'supervisor.json'), 'utf8')).toBe(before);
  });

  test('takes over when that process id belongs to another program by now', async () => {
    supervisedBy(await running(), 'node ops/local-stack/main.ts');
    const claim = await claimFolder(folder, say);
    expect(JSON.parse(readFileSync(join(folder, 'supervisor.json'), 'utf8')).pid).toBe(process.pid);
    claim.release();
  });

  test('stops what a killed supervisor left running, and says so', async () => {
    const pid = await running();
    supervisedBy(999_999_999, 'node ops/local-stack/main.ts', [{ name: 'broker', pid, marker: script }]);
    await claimFolder(folder, say);
    expect(commandLineOf(pid)).toBeNull();
    expect(said).toEqual([`stopping broker (process ${pid}), left over from a run that was killed`]);
  });

  test('never touches a process that only has the same id', async () => {
    const pid = await running();
    supervisedBy(999_999_999, 'node ops/local-stack/main.ts', [{ name: 'broker', pid, marker: join(folder, 'server.properties') }]);
    await claimFolder(folder, say);
    expect(commandLineOf(pid)).toContain(script);
    expect(said).toEqual([]);
  });

  test('files are replaced as a whole and only their owner may read them', () => {
    const path = join(folder, 'run.json');
    writeFileSync(path, 'old', { mode: 0o644 });
    replaceFile(path, { api: 'http://127.0.0.1:1' });
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ api: 'http://127.0.0.1:1' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});
