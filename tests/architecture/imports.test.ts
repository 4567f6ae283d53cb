// The shape of the house: who may import whom. A new folder or file is covered without a change here.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['api', 'processor', 'projector', 'shared', 'ops', 'bench', 'tests'];
const ROLES = ['api', 'processor', 'projector'];

const filesOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith('.ts') && statSync(join(ROOT, name)).isFile());

interface SourceFile {
  name: string;
  text: string;
  /** Paths from the root for relative imports, package names for others. */
  imports: string[];
  /** The same without `import type`: what is loaded at run time. */
  loads: string[];
}

const IMPORT = /^\s*(?:import|export)\s(?<type>type\s)?(?:[^'";]*?\sfrom\s)?'(?<from>[^']+)';?|import\('(?<dynamic>[^']+)'\)/gm;

const read = (name: string): SourceFile => {
  const text = readFileSync(join(ROOT, name), 'utf8');
  const found = [...text.matchAll(IMPORT)].map(({ groups }) => {
    const from = groups?.from ?? groups?.dynamic ?? '';
    return {
      from: from.startsWith('.') ? relative(ROOT, normalize(join(ROOT, dirname(name), from))) : from,
      type: groups?.type !== undefined,
    };
  });
  return { name, text, imports: found.map(({ from }) => from), loads: found.filter(({ type }) => !type).map(({ from }) => from) };
};

const files = FOLDERS.flatMap(filesOf).map(read);
const product = files.filter(({ name }) => !/^(tests|bench)\//.test(name));
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');
const isPackage = (path: string, name: string): boolean => path === name || path.startsWith(`${name}/`);

const offenders = (among: SourceFile[], isWrong: (file: SourceFile) => string | undefined | false): string[] =>
  among.flatMap((file) => {
    const why = isWrong(file);
    return why ? [`${file.name}: ${why}`] : [];
  });

describe('imports', () => {
  it('finds the files it is about', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.find(({ name }) => name === 'shared/order/order.ts')?.imports).toContain('shared/order/lifecycle.ts');
  });

  it('keeps the roles apart: they talk through the log', () => {
    const wrong = offenders(
      product.filter(({ name }) => ROLES.includes(name.split('/')[0]!)),
      ({ name, imports }) => imports.find((path) => ROLES.some((role) => role !== name.split('/')[0] && path.startsWith(`${role}/`))),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps shared/order pure: it imports nothing outside itself', () => {
    const core = files.filter(({ name }) => name.startsWith('shared/order/'));
    expect(offenders(core, ({ imports }) => imports.find((path) => !path.startsWith('shared/order/')))).toEqual([]);
  });

  it('keeps shared/product pure: it imports nothing outside itself', () => {
    const core = files.filter(({ name }) => name.startsWith('shared/product/'));
    expect(core.length).toBeGreaterThan(3);
    expect(offenders(core, ({ imports }) => imports.find((path) => !path.startsWith('shared/product/')))).toEqual([]);
  });

  it('keeps shared free of the roles', () => {
    const shared = files.filter(({ name }) => name.startsWith('shared/'));
    expect(offenders(shared, ({ imports }) => imports.find((path) => [...ROLES, 'ops'].some((top) => path.startsWith(`${top}/`))))).toEqual(
      [],
    );
  });

  it('imports kafkajs in shared/log only, and pg in shared/postgres only', () => {
    const outside = (folder: string, ...packages: string[]) =>
      offenders(
        product.filter(({ name }) => !name.startsWith(folder) && !name.startsWith('ops/')),
        ({ imports }) => imports.find((path) => packages.some((each) => isPackage(path, each))),
      );
    expect(outside('shared/log/', 'kafkajs')).toEqual([]);
    expect(outside('shared/postgres/', 'pg', 'pg-copy-streams', 'node-pg-migrate')).toEqual([]);
  });

  it('keeps the oracle apart from everything that it judges', () => {
    const oracle = files.filter(({ name }) => name.startsWith('tests/oracle/'));
    expect(oracle.length).toBeGreaterThan(10);
    const allowed = /^(tests\/oracle\/|node:|kafkajs$|pg$)/;
    expect(offenders(oracle, ({ imports }) => imports.find((path) => !allowed.test(path)))).toEqual([]);
  });

  it('reads the environment in main.ts files only', () => {
    const wrong = offenders(
      product,
      ({ name, text }) => !name.endsWith('/main.ts') && /process\.env\b/.test(withoutComments(text)) && 'reads process.env',
    );
    expect(wrong).toEqual([]);
  });

  it('has no cycles at run time', () => {
    const graph = new Map(files.map(({ name, loads }) => [name, loads.filter((path) => path.endsWith('.ts'))]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (name: string, path: string[]): void => {
      if (path.includes(name)) cycles.push([...path.slice(path.indexOf(name)), name].join(' → '));
      if (done.has(name) || path.includes(name)) return;
      for (const next of graph.get(name) ?? []) visit(next, [...path, name]);
      done.add(name);
    };
    for (const name of graph.keys()) visit(name, []);
    expect(cycles).toEqual([]);
  });

  it('has no barrels, and no file named for what it is not', () => {
    const wrong = files.map(({ name }) => name).filter((name) => /(^|\/)(index|utils?|helpers?|common|managers?)(\.ts|\/)/.test(name));
    expect(wrong).toEqual([]);
  });

  it('opens every file with a line that says what it is', () => {
    const wrong = product.filter(({ name, text }) => !text.replace(/^#!.*\n/, '').startsWith(`// ${name}: `)).map(({ name }) => name);
    expect(wrong).toEqual([]);
  });
});
